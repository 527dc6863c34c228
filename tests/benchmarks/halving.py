"""How much of the front so many epochs find, with and without stopping, on recorded curves.

    python -m tests.benchmarks.halving            30 repetitions of 5 samplers and 3 ways to stop

The trainings of recorded.json.xz are replayed one after another, a seed drawn for each. `none`
trains to the end; `asha` stops by accuracy alone; `front` by what costs no more. A search calls a
front by the scores it has seen, which is judged on the means of all seeds: its hypervolume is given
as a share of that of the front which training the whole table to the end, with the same seeds,
calls. The figures are medians: after a sixth, a third and a half of the epochs that the whole table
takes, and when a search was done if it ended before; the share of those epochs after which it is
0.99; and the share that is stopped of the cheapest third, and of all. What a stopped training tells
a sampler: Optuna hears that it was pruned, ours what it was expected to end with, as in a study.
"""

import argparse
import json
import lzma
import math
import statistics
import warnings
from collections.abc import Iterator
from random import Random

import optuna

from search.halving import Asha, Halving, expected_end
from tests.benchmarks.samplers import SAMPLERS, Search
from tests.benchmarks.tables import RECORDED, Choices, Table, recorded

SHARES = (1 / 6, 1 / 3, 1 / 2)
CLOSE = 0.99
NAMES = ("grid", "random", "nsga2-20", "tpe-mv", "ours")
WAYS = ("none", "asha", "front")
STOPPERS: dict[str, type[Asha] | type[Halving]] = {"asha": Asha, "front": Halving}
AGAIN = 50
"""How often in a row a sampler may suggest what is there already; it costs no epochs."""

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

    def curve(self, choices: Choices) -> list[float]:
        key = frozenset(choices.items())
        return Random(f"{self.seed} {sorted(map(str, key))}").choice(self.held[key])

    def scored(self, choices: Choices) -> tuple[float, float, float]:
        """Return price, the score of the training and the mean of all."""
        return self.table.price(choices), self.curve(choices)[-1], self.table.mean(choices)

    def called(self, seen: list[tuple[float, float, float]]) -> float:
        """Return the hypervolume, by the means, of what is on the front by the scores."""
        points: list[tuple[float, float]] = []
        best: list[tuple[float, float]] = []
        for price, score, mean in sorted(seen, key=lambda one: (-one[1], one[0])):
            if not any(held <= 1.01 * price for held, _ in best):
                best.append((price, score))
                points.append((price, mean))
        return self.table.volume(points)

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

    def run(self, name: str, most: int) -> Iterator[tuple[int, float]]:
        """Yield the epochs spent and the share of the front found, after each training."""
        search = (
            grid(self.table, self.seed) if name == "grid" else SAMPLERS[name](self.table, self.seed)
        )
        spent, repeats = 0, 0
        seen: list[tuple[float, float, float]] = []
        whole = self.called([self.scored(one.choices) for one in self.table.space])
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
            if not is_stopped:
                self.whole.append(curve)
                seen.append(self.scored(choices))
            guess = expected_end(curve, self.whole) if name == "ours" else None
            told[key] = guess if is_stopped else curve[-1]
            tell(told[key])
            yield spent, self.called(seen) / whole if seen else 0.0
            if spent >= most:
                return


def figures(table: Table, held: Curves, name: str, way: str, seed: int) -> list[float]:
    replay = Replay(table, held, way, seed)
    all_epochs = replay.epochs * len(held)
    steps = list(replay.run(name, all_epochs))
    reached = [
        max((v for spent, v in steps if spent <= s * all_epochs), default=0.0) for s in SHARES
    ]
    close = next((spent / all_epochs for spent, v in steps if v >= CLOSE), math.inf)
    cheap, rest = replay.stopped[True], replay.stopped[False]
    return [*reached, close, statistics.fmean(cheap or [0]), statistics.fmean(cheap + rest)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--samplers", nargs="*", default=NAMES)
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    table, held = recorded(), curves()
    assert table
    print("sampler   way       1/6    1/3    1/2   to 0.99   stopped: cheap, all")
    for name in asked.samplers:
        for way in WAYS:
            runs = [figures(table, held, name, way, seed) for seed in range(asked.runs)]
            one, two, three, close, cheap, every = map(statistics.median, zip(*runs, strict=True))
            print(
                f"{name:10}{way:6}{one:7.3f}{two:7.3f}{three:7.3f}{close:10.2f}"
                f"{cheap:11.0%}{every:8.0%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
