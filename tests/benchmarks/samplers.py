"""How much of a table's front a sampler finds, beside Optuna's, at equal evaluations.

    python -m tests.benchmarks.samplers                     all tables, 10 seeds
    python -m tests.benchmarks.samplers --tables macro flat --samplers ours random
    python -m tests.benchmarks.samplers --noisy             one noisy training an evaluation
    python -m tests.benchmarks.samplers --speed             what a suggestion of ours takes

Hypervolume as a share of the table's own front, with the scores' 5th percentile and the highest
price for its corner; in a flat table it is the best score's. A suggestion made again costs an
evaluation, as it does in Optuna. With `--noisy` a sampler sees one of the trainings and is judged
on their means. GP runs over 3 seeds and 100 evaluations. `macro` is left out where it is absent.
"""

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import optuna

from search.known_cost import KnownCost, Seen
from search.sampler import distribution
from spaces.labels import Label
from tests.benchmarks.tables import Choices, Table, generated_tables, macro, recorded

POINTS = (50, 100, 200)
GP_SEEDS, GP_POINTS = 3, (50, 100)
Told = Callable[[float | None], None]
"""Takes the score of what was suggested, or None for what was stopped."""
Search = Iterator[tuple[Choices, Told]]


def ours(table: Table, seed: int) -> Search:
    sampler = KnownCost(table.space, lambda one: (table.price(one.choices),), seed)
    seen: list[Seen] = []
    while architecture := sampler.suggest(seen):
        held: list[float] = []
        yield architecture.choices, held.append
        prices = (table.price(architecture.choices),)
        seen.append(Seen(architecture.key, architecture.choices, prices, tuple(held)))


def by_optuna(sampler: Callable[[int], optuna.samplers.BaseSampler]) -> Callable[..., Search]:
    def search(table: Table, seed: int) -> Search:
        study = optuna.create_study(directions=["minimize", "maximize"], sampler=sampler(seed))
        held = {
            name: distribution(labels)
            for name, labels in table.space.labels.items()
            if len(labels) > 1
        }
        while True:
            trial = study.ask()

            def pick(name: str, labels: tuple[Label, ...], trial: optuna.Trial = trial) -> Label:
                known = held.get(name)
                if isinstance(known, optuna.distributions.IntDistribution):
                    return trial.suggest_int(name, known.low, known.high, step=known.step)
                return trial.suggest_categorical(name, labels) if known else labels[0]

            choices = table.space.sample(pick).choices
            yield choices, partial(told, study, trial, table.price(choices))

    return search


def told(study: optuna.Study, trial: optuna.Trial, price: float, score: float | None) -> None:
    if score is None:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    else:
        study.tell(trial, [price, score])


SAMPLERS: dict[str, Callable[..., Search]] = {
    "ours": ours,
    "random": by_optuna(lambda seed: optuna.samplers.RandomSampler(seed=seed)),
    "nsga2-20": by_optuna(
        lambda seed: optuna.samplers.NSGAIISampler(population_size=20, seed=seed)
    ),
    "nsga2-50": by_optuna(
        lambda seed: optuna.samplers.NSGAIISampler(population_size=50, seed=seed)
    ),
    "tpe": by_optuna(lambda seed: optuna.samplers.TPESampler(seed=seed)),
    "tpe-mv": by_optuna(
        lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, group=True)
    ),
    "gp": by_optuna(lambda seed: optuna.samplers.GPSampler(seed=seed)),
}


def searched(table: Table, name: str, seed: int, noisy: bool) -> dict[str, float]:
    """Search once, and return the shares at each point, what was made twice, and the time."""
    draw = Random(f"{seed} training")
    points: list[tuple[float, float]] = []
    keys: set[str] = set()
    shares: dict[str, float] = {}
    stations = GP_POINTS if name == "gp" else POINTS
    started = time.process_time()
    for choices, tell in SAMPLERS[name](table, seed):
        points.append((table.price(choices), table.mean(choices)))
        keys.add(json.dumps(dict(choices), sort_keys=True))
        tell(draw.choice(table.scores(choices)) if noisy else points[-1][1])
        if len(points) in stations:
            shares[str(len(points))] = table.volume(points) / table.whole
            if len(points) == 100:
                shares["ms"] = 1000 * (time.process_time() - started) / 100
        if len(points) == stations[-1]:
            break
    for station in stations:  # a small table is through before
        shares.setdefault(str(station), table.volume(points) / table.whole)
    return {**shares, "again": 1 - len(keys) / len(points)}


def summary(runs: list[dict[str, float]]) -> dict[str, tuple[float, float]]:
    """Return mean and standard error of each figure."""
    figures = {}
    for key in runs[0]:
        column = [run[key] for run in runs if key in run]
        error = statistics.stdev(column) / len(column) ** 0.5 if len(column) > 1 else 0.0
        figures[key] = (statistics.fmean(column), error)
    return figures


def speed(table: Table) -> None:
    """Print what a suggestion takes where so much is known, the first of a process apart."""
    drawer = Random(0)
    drawn = {one.key: one for one in map(table.space.draw, [drawer] * 3000)}
    known = [
        Seen(key, one.choices, (table.price(one.choices),), table.scores(one.choices)[:1])
        for key, one in drawn.items()
    ]
    for number in (100, 1000):
        sampler = KnownCost(table.space, lambda one: (table.price(one.choices),), 0)
        times = []
        for more in range(11):
            started = time.process_time()
            sampler.suggest(known[: number + more])
            times.append(1000 * (time.process_time() - started))
        print(
            f"  at {number}: {statistics.fmean(times[1:]):.0f} ms, "
            f"{max(times[1:]):.0f} ms where scales are found anew, {times[0]:.0f} ms the first"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="*", default=[])
    parser.add_argument("--samplers", nargs="*", default=list(SAMPLERS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--made", type=int, default=0, help="seed of the generated tables")
    parser.add_argument("--noisy", action="store_true")
    parser.add_argument("--speed", action="store_true")
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    given = {"macro": macro(), "recorded": recorded()}
    for name, table in given.items():
        if table is None:
            print(f"{name}: not at hand, left out")
    tables = [table for table in given.values() if table] + list(generated_tables(asked.made))
    for table in tables:
        if asked.tables and table.name not in asked.tables:
            continue
        if asked.speed and table.space.size < 2000:
            continue
        print(f"{table.name}: {table.space.size:,} architectures")
        if asked.speed:
            speed(table)
            continue
        for name in asked.samplers:
            seeds = range(GP_SEEDS if name == "gp" else asked.seeds)
            figures = summary([searched(table, name, seed, asked.noisy) for seed in seeds])
            shares = "  ".join(
                f"{figures[str(point)][0]:.3f} ±{figures[str(point)][1]:.3f}"
                for point in POINTS
                if str(point) in figures
            )
            rest = f"again {figures['again'][0]:.0%}"
            if "ms" in figures:
                rest += f"  {figures['ms'][0]:.1f} ms"
            print(f"  {name:10}{shares}  {rest}", flush=True)


if __name__ == "__main__":
    main()
