"""What seeds are best spent on, by simulation: the truth is known, so the answer can be judged.

    python -m tests.benchmarks.seeds

A hundred architectures over a factor of four in price, whose true scores rise with the price and
scatter by `spread` points; each training adds `noise` points. At equal trainings: seeds where they
decide, the same number for each, and successive rejects, which sends the worst away in turn until
one is left. `best` is the share of searches whose best is within 0.1 points of the true best,
`front` the share of the true front among what is called the front. One seed each costs a third.
"""

import argparse
import statistics
from collections.abc import Callable
from math import log

import numpy as np

from search.seeds import Known, Seeds, World

NUMBER = 100
SPREADS, NOISES = (0.2, 0.5, 1.0, 2.0), (0.2, 0.4)
BUDGETS = (1.5, 2.0, 3.0)
CLOSE = 0.1

Called = tuple[int, set[int]]


class Truth:
    """Architectures with prices and true scores in points, and a generator of trainings."""

    def __init__(self, seed: int, spread: float, noise: float, is_flat: bool) -> None:
        self.random = np.random.default_rng(seed)
        self.noise = noise
        span = 0.0 if is_flat else log(4)
        self.prices = np.exp(self.random.uniform(0, span, NUMBER)) if span else np.ones(NUMBER)
        trend = 2 * spread * np.log(self.prices) / log(4)
        self.scores = 70 + trend + self.random.normal(0, spread, NUMBER)

    def train(self, place: int) -> float:
        return float(self.scores[place] + self.random.normal(0, self.noise))

    def front(self, scores: np.ndarray) -> set[int]:
        no_dearer = self.prices[None] <= 1.01 * self.prices[:, None]
        return set(np.flatnonzero((scores[None] * no_dearer).max(1) <= scores).tolist())


def ours(truth: Truth, budget: int) -> Called:
    held = [[truth.train(place)] for place in range(NUMBER)]
    seeds = Seeds(limit=budget, worth=0.0)

    def known() -> list[Known]:
        return [
            Known(str(place), (truth.prices[place],), tuple(scores))
            for place, scores in enumerate(held)
        ]

    for _ in range(budget - NUMBER):
        key = seeds.next(known())
        if key is None:
            break
        held[int(key)].append(truth.train(int(key)))
    world = World(known())
    return int(world.means.argmax()), set(np.flatnonzero(world.seeming()).tolist())


def same(truth: Truth, budget: int) -> Called:
    held: list[list[float]] = [[] for _ in range(NUMBER)]
    for turn in range(budget):
        held[turn % NUMBER].append(truth.train(turn % NUMBER))
    means = np.array([statistics.fmean(scores) for scores in held])
    return int(means.argmax()), truth.front(means)


def rejects(truth: Truth, budget: int) -> Called:
    """Successive rejects of Audibert and Bubeck, 2010."""
    held: list[list[float]] = [[] for _ in range(NUMBER)]
    left = list(range(NUMBER))
    scale = 0.5 + sum(1 / place for place in range(2, NUMBER + 1))
    for turn in range(1, NUMBER):
        until = int(np.ceil((budget - NUMBER) / scale / (NUMBER + 1 - turn)))
        for place in left:
            while len(held[place]) < until:
                held[place].append(truth.train(place))
        left.remove(min(left, key=lambda place: statistics.fmean(held[place])))
    means = np.array([statistics.fmean(scores) for scores in held])
    return left[0], truth.front(means)


METHODS: dict[str, Callable[[Truth, int], Called]] = {
    "ours": ours,
    "same for each": same,
    "successive rejects": rejects,
}


def judged(
    method: Callable[[Truth, int], Called],
    spread: float,
    noise: float,
    budget: int,
    runs: int,
    is_flat: bool,
) -> tuple[float, float, float]:
    """Return how often the best is close, the share of the front found, and the share wrong."""
    close, found, wrong = [], [], []
    for seed in range(runs):
        truth = Truth(seed, spread, noise, is_flat)
        best, front = method(truth, budget)
        close.append(truth.scores[best] >= truth.scores.max() - CLOSE)
        real = truth.front(truth.scores)
        found.append(len(front & real) / len(real))
        wrong.append(len(front - real) / max(len(front), 1))
    return statistics.fmean(close), statistics.fmean(found), statistics.fmean(wrong)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--flat", action="store_true", help="one price for all")
    asked = parser.parse_args()
    print("spread noise  trainings  method               best  front  wrongly")
    for spread in SPREADS:
        for noise in NOISES:
            for times in (1.0, *BUDGETS):
                for name, method in METHODS.items():
                    if times == 1.0 and name != "same for each":
                        continue
                    budget = round(times * NUMBER)
                    figures = judged(method, spread, noise, budget, asked.runs, asked.flat)
                    close, found, wrong = (f"{figure:6.2f}" for figure in figures)
                    print(
                        f"{spread:6} {noise:5} {budget:10}  {name:19}{close}{found}  {wrong}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
