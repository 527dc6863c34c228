"""How much of the front so many epochs find, with and without stopping, on recorded curves.

    python -m tests.benchmarks.halving            30 repetitions of 5 samplers and 3 ways to stop
    python -m tests.benchmarks.halving --samplers ours random --runs 10 --json

The trainings of recorded.json.xz are replayed one after another, a seed drawn for each. `none`
trains to the end; `asha` stops by accuracy alone; `front` by what costs no more. `seeds`, for ours
alone, searches as `none` does for two thirds of its epochs and spends the rest on further seeds
where they decide, as `search run --further` does with so short a recipe; `both` stops as `front`
does before that.

A search calls a front by what it has seen: by the scores where each has one seed, else by what is
believed of means. What it calls is judged by the means of all seeds, as a share of the hypervolume
of the table's own front: so a lucky training that is called good costs whoever calls it. The
figures are medians: after a sixth, a third and a half of the epochs that the whole table takes, of
which `whole` says what it calls after all of them; the share of those epochs after which a search
is first within 0.99 of that; and what share of the cheapest third was stopped, and of all. What a
stopped training tells a sampler: Optuna hears that it was pruned, ours what it was expected to end
with, as in a study.
"""

import argparse
import json
import lzma
import math
import statistics
import sys
import warnings
from collections.abc import Iterator
from random import Random

import optuna

from search.halving import Asha, Halving, expected_end
from search.seeds import Known, Seeds
from tests.benchmarks.samplers import SAMPLERS, Search
from tests.benchmarks.tables import RECORDED, Choices, Table, recorded

SHARES = (1 / 6, 1 / 3, 1 / 2)
CLOSE = 0.99
NAMES = ("grid", "random", "nsga2-20", "tpe-mv", "ours")
WAYS = ("none", "asha", "front")
SEEDED = ("seeds", "both")
STOPPERS: dict[str, type[Asha] | type[Halving]] = {
    "asha": Asha,
    "front": Halving,
    "both": Halving,
}
SEARCHED = 2 / 3
"""The share of its epochs that a search spends before it turns to further seeds."""
AGAIN = 50
"""How often in a row a sampler may suggest what is there already; it costs no epochs."""

Seen = dict[frozenset[tuple[str, object]], tuple[Choices, list[int]]]
"""What has been trained to the end, and with which seeds."""
Curves = dict[frozenset[tuple[str, object]], list[list[float]]]


def grid(table: Table, seed: int) -> Search:
    every = [architecture.choices for architecture in table.space]
    Random(seed).shuffle(every)
    for choices in every:
        yield choices, lambda score: None


def curves() -> Curves:
    rows = json.loads(lzma.decompress(RECORDED.read_bytes()))["rows"]
    return {frozenset(row["choices"].items()): row["curves"] for row in rows}


class Replay:
    """One search: trainings that run as recorded, until they are over or stopped."""

    def __init__(self, table: Table, held: Curves, way: str, seed: int) -> None:
        self.table, self.held, self.seed = table, held, seed
        self.epochs = len(next(iter(held.values()))[0])

        self.halving = STOPPERS[way](self.epochs) if way in STOPPERS else None
        self.whole: list[list[float]] = []
        self.stopped: dict[bool, list[bool]] = {True: [], False: []}
        prices = sorted(price for price, _ in table.looked_at)
        self.cheap = prices[len(prices) // 3]

    def seeds(self, choices: Choices) -> list[int]:
        """Return the seeds of an architecture in the order in which this search draws them."""
        key = frozenset(choices.items())
        order = list(range(len(self.held[key])))
        Random(f"{self.seed} {sorted(map(str, key))}").shuffle(order)
        return order

    def curve(self, choices: Choices) -> list[float]:
        return self.held[frozenset(choices.items())][self.seeds(choices)[0]]

    def known(self, seen: Seen) -> list[Known]:
        """Return what a search knows, in the words of `Seeds`."""
        return [
            Known(
                str(place),
                (self.table.price(choices),),
                tuple(self.held[key][seed][-1] for seed in seeds),
            )
            for place, (key, (choices, seeds)) in enumerate(seen.items())
        ]

    def called(self, seen: Seen) -> float:
        """Return the hypervolume, by the means, of what a search calls the front."""
        known = self.known(seen)
        called = believed(known) if len({len(one.scores) for one in known}) > 1 else scored(known)
        every = list(seen.values())
        points = [every[place][0] for place in called]
        means = [(self.table.price(one), self.table.mean(one)) for one in points]
        return self.table.volume(means) / self.table.whole if means else 0.0

    def reseeded(self, seen: Seen, epochs: int) -> Seen:
        """Return what is seen after so many epochs of further seeds."""
        seen = {key: (choices, list(seeds)) for key, (choices, seeds) in seen.items()}
        every = list(seen.values())
        most = max(map(len, self.held.values()))
        for _ in range(epochs // self.epochs):
            key = Seeds(limit=most).next(self.known(seen))
            if key is None:
                break
            choices, seeds = every[int(key)]
            seeds.append(self.seeds(choices)[len(seeds)])
        return seen

    def train(self, number: int, choices: Choices) -> tuple[list[float], bool]:
        """Return the curve as far as it went, and whether it was stopped."""
        curve, price = self.curve(choices), self.table.price(choices)
        is_stopped, length = False, len(curve)
        for epoch, score in enumerate(curve, 1):
            if self.halving and self.halving.stops(number, epoch, score, (price,)):
                is_stopped, length = True, epoch
                break
        self.stopped[price < self.cheap].append(is_stopped)
        return curve[:length], is_stopped

    def run(self, name: str, most: int) -> Iterator[tuple[int, Seen]]:
        """Yield the epochs spent and what has been trained to the end, after each training."""
        search = (
            grid(self.table, self.seed) if name == "grid" else SAMPLERS[name](self.table, self.seed)
        )
        spent, repeats = 0, 0
        seen: Seen = {}
        told: dict[frozenset[tuple[str, object]], float | None] = {}
        for choices, tell in search:
            key = frozenset(choices.items())
            if key in told:
                tell(told[key])
                repeats += 1
                if repeats > AGAIN:
                    return
                continue
            repeats = 0
            curve, is_stopped = self.train(len(told), choices)
            spent += len(curve)
            if spent > most:
                return
            if not is_stopped:
                self.whole.append(curve)
                seen[key] = choices, self.seeds(choices)[:1]
            guess = expected_end(curve, self.whole) if name == "ours" else None
            told[key] = guess if is_stopped else curve[-1]
            tell(told[key])
            yield spent, dict(seen)


def scored(known: list[Known]) -> list[int]:
    """Return where those stand that no score of what costs no more is above."""
    called: list[int] = []
    order = sorted(range(len(known)), key=lambda at: (-known[at].scores[0], known[at].prices))
    for place in order:
        price = known[place].prices[0]
        if not any(known[held].prices[0] <= 1.01 * price for held in called):
            called.append(place)
    return called


def believed(known: list[Known]) -> list[int]:
    return [int(one.key) for one in Seeds().beliefs(known) if one.is_on_front]


def whole(table: Table, held: Curves, seed: int) -> float:
    """Return what training the whole table to the end calls, one seed each."""
    replay = Replay(table, held, "none", seed)
    seen = {
        frozenset(one.choices.items()): (one.choices, replay.seeds(one.choices)[:1])
        for one in table.space
    }
    return replay.called(seen)


def figures(table: Table, held: Curves, name: str, way: str, seed: int) -> dict[str, float]:
    replay = Replay(table, held, way, seed)
    every = replay.epochs * len(held)
    most = every if way not in SEEDED else round(SEARCHED * SHARES[-1] * every)
    steps = list(replay.run(name, most))

    def after(epochs: float) -> Seen:
        return next((seen for spent, seen in reversed(steps) if spent <= epochs), {})

    def reached(epochs: float) -> float:
        if way not in SEEDED:
            return replay.called(after(epochs))
        searched = next((spent for spent, _ in reversed(steps) if spent <= SEARCHED * epochs), 0)
        return replay.called(replay.reseeded(after(searched), int(epochs) - searched))

    found = {f"{share:.2f}": reached(share * every) for share in SHARES}
    goal, close = CLOSE * whole(table, held, seed), math.inf
    if way not in SEEDED:
        close = next((s / every for s, seen in steps if replay.called(seen) >= goal), math.inf)
    cheap, rest = replay.stopped[True], replay.stopped[False]
    stopped = {"cheap": statistics.fmean(cheap or [0]), "all": statistics.fmean(cheap + rest)}
    return {**found, "close": close, **stopped}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--samplers", nargs="*", default=NAMES)
    parser.add_argument("--json", action="store_true", help="one document instead of the table")
    asked = parser.parse_args()
    out = sys.stderr if asked.json else sys.stdout
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    table, held = recorded(), curves()
    assert table
    full = statistics.median(whole(table, held, seed) for seed in range(asked.runs))
    print(f"whole: {full:.3f} after all epochs; {asked.runs} repetitions", file=out)
    print("sampler   way       1/6    1/3    1/2   as whole   stopped: cheap, all", file=out)
    rows = []
    for name in asked.samplers:
        for way in (*WAYS, *SEEDED) if name == "ours" else WAYS:
            runs = [figures(table, held, name, way, seed) for seed in range(asked.runs)]
            medians = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            rows.append({"sampler": name, "way": way, **medians})
            *reached, close, cheap, every = medians.values()
            shares = "".join(f"{share:7.3f}" for share in reached)
            print(
                f"{name:10}{way:6}{shares}{close:11.2f}{cheap:11.0%}{every:8.0%}",
                file=out,
                flush=True,
            )
    if asked.json:
        rows = [{k: None if v == math.inf else v for k, v in row.items()} for row in rows]
        print(json.dumps({"runs": asked.runs, "whole": full, "rows": rows}))


if __name__ == "__main__":
    main()
