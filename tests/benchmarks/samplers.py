"""How much of a table's front a sampler finds, beside Optuna's, at equal evaluations.

    python -m tests.benchmarks.samplers                     all tables, 10 seeds
    python -m tests.benchmarks.samplers --tables macro flat --samplers ours random
    python -m tests.benchmarks.samplers --noisy             one noisy training an evaluation
    python -m tests.benchmarks.samplers --speed             what a suggestion of ours takes
    python -m tests.benchmarks.samplers --json              one document instead of the tables

Hypervolume as a share of the table's own front, with the scores' 5th percentile and the highest
price for its corner; in a flat table it is the best score's. A suggestion made again costs an
evaluation, as it does in Optuna. With `--noisy` a sampler sees one of the trainings and is judged
on their means. GP runs over 3 seeds and 100 evaluations. `macro` is left out where it is absent.
`clear` is by how many standard errors of the difference ours is above at 100 evaluations.
"""

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any, TextIO

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
Figures = dict[str, tuple[float, float]]
"""Means with their standard errors."""


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


def summary(runs: list[dict[str, float]]) -> Figures:
    """Return mean and standard error of each figure."""
    figures = {}
    for key in runs[0]:
        column = [run[key] for run in runs if key in run]
        error = statistics.stdev(column) / len(column) ** 0.5 if len(column) > 1 else 0.0
        figures[key] = (statistics.fmean(column), error)
    return figures


def speed(table: Table) -> list[dict[str, float]]:
    """Return the milliseconds of a suggestion where so much is known, the first one apart."""
    drawer = Random(0)
    drawn = {one.key: one for one in map(table.space.draw, [drawer] * 3000)}
    known = [
        Seen(key, one.choices, (table.price(one.choices),), table.scores(one.choices)[:1])
        for key, one in drawn.items()
    ]
    rows = []
    for number in (100, 1000):
        sampler = KnownCost(table.space, lambda one: (table.price(one.choices),), 0)
        times = []
        for more in range(11):
            started = time.process_time()
            sampler.suggest(known[: number + more])
            times.append(1000 * (time.process_time() - started))
        mean, most = statistics.fmean(times[1:]), max(times[1:])
        rows.append({"known": number, "mean": mean, "most": most, "first": times[0]})
    return rows


def beside(figures: Figures, others: Figures) -> float:
    """Return by how many standard errors a sampler is above another at 100 evaluations."""
    (mean, error), (other, its) = figures["100"], others["100"]
    return (mean - other) / max((error**2 + its**2) ** 0.5, 1e-9)


def compared(table: Table, asked: argparse.Namespace, out: TextIO) -> list[dict[str, Any]]:
    """Return a row for each sampler, and print it."""
    rows: list[dict[str, Any]] = []
    first: Figures = {}
    for name in asked.samplers:
        number = min(GP_SEEDS, asked.seeds) if name == "gp" else asked.seeds
        figures = summary([searched(table, name, seed, asked.noisy) for seed in range(number)])
        shares = "".join(
            f"{figures[str(point)][0]:.3f} ±{figures[str(point)][1]:.3f}  "
            if str(point) in figures
            else " " * 14
            for point in POINTS
        )
        rest = f"again {figures['again'][0]:4.0%}"
        if "ms" in figures:
            rest += f"{figures['ms'][0]:7.1f} ms"
        held = {key: {"mean": mean, "error": error} for key, (mean, error) in figures.items()}
        rows.append({"table": table.name, "sampler": name, "seeds": number, **held})
        if name == "ours":
            first = figures
        elif first:
            rows[-1]["clear"] = beside(first, figures)
            rest += f"  clear {rows[-1]['clear']:.1f}"
        print(f"  {name:10}{number:2} seeds  {shares}{rest}", file=out, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="*", default=[])
    parser.add_argument("--samplers", nargs="*", default=list(SAMPLERS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--made", type=int, default=0, help="seed of the generated tables")
    parser.add_argument("--noisy", action="store_true")
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    out = sys.stderr if asked.json else sys.stdout
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    given = {"macro": macro(), "recorded": recorded()}
    absent = [name for name, table in given.items() if table is None]
    for name in absent:
        print(f"{name}: not at hand, left out", file=out)
    tables = [table for table in given.values() if table] + list(generated_tables(asked.made))
    rows: list[dict[str, Any]] = []
    for table in tables:
        if asked.tables and table.name not in asked.tables:
            continue
        if asked.speed and table.space.size < 2000:
            continue
        print(f"{table.name}: {table.space.size:,} architectures", file=out)
        if not asked.speed:
            rows += compared(table, asked, out)
            continue
        for row in speed(table):
            rows.append({"table": table.name, **row})
            print(
                f"  at {row['known']}: {row['mean']:.0f} ms, {row['most']:.0f} ms where scales "
                f"are found anew, {row['first']:.0f} ms the first",
                file=out,
            )
    if asked.json:
        print(json.dumps({"noisy": asked.noisy, "absent": absent, "rows": rows}))


if __name__ == "__main__":
    main()
