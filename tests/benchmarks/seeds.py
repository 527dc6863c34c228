"""What seeds are best spent on, by simulation: the truth is known, so the answer can be judged.

    python -m tests.benchmarks.seeds              prices over a factor of four
    python -m tests.benchmarks.seeds --flat       one price for all
    python -m tests.benchmarks.seeds --runs 20 --json

A hundred architectures whose true scores rise with the price and scatter by `spread` points; each
training adds `noise` points. At equal trainings: seeds where they decide, the same number for each,
and successive rejects, which sends the worst away in turn until one is left. `best` is the share of
searches whose best is within 0.1 points of the true best, `front` the share of the true front among
what is called the front, `wrongly` the share of what is called so and is not; the last lines are
means over all spreads and noises. `ms` is what a decision of ours takes. One seed each costs a
third of three seeds each.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from math import log
from typing import Any

import numpy as np

from search.seeds import Known, Seeds

NUMBER = 100
SPREADS, NOISES = (0.2, 0.5, 1.0, 2.0), (0.2, 0.4)
BUDGETS = (150, 200, 300)
CLOSE = 0.1

Called = tuple[int, set[int]]
Rows = list[dict[str, Any]]
FIGURES = ("best", "front", "wrongly")


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


def ours(truth: Truth, budgets: Sequence[int]) -> list[Called]:
    """Ask for one seed after another, and look at what is believed at each budget."""
    held = [[truth.train(place)] for place in range(NUMBER)]
    seeds = Seeds(limit=budgets[-1], worth=0.0)
    called = []
    for budget in budgets:
        while sum(map(len, held)) < budget and (key := seeds.next(known(truth, held))):
            held[int(key)].append(truth.train(int(key)))
        beliefs = seeds.beliefs(known(truth, held))
        best = max(range(NUMBER), key=lambda place: beliefs[place].mean)
        called.append((best, {place for place in range(NUMBER) if beliefs[place].is_on_front}))
    return called


def known(truth: Truth, held: list[list[float]]) -> list[Known]:
    return [
        Known(str(place), (truth.prices[place],), tuple(scores))
        for place, scores in enumerate(held)
    ]


def same(truth: Truth, budgets: Sequence[int]) -> list[Called]:
    held: list[list[float]] = [[] for _ in range(NUMBER)]
    called = []
    for turn in range(budgets[-1]):
        held[turn % NUMBER].append(truth.train(turn % NUMBER))
        if turn + 1 in budgets:
            means = np.array([statistics.fmean(scores) for scores in held])
            called.append((int(means.argmax()), truth.front(means)))
    return called


def rejects(truth: Truth, budgets: Sequence[int]) -> list[Called]:
    """Successive rejects of Audibert and Bubeck, 2010; each budget is a search of its own."""
    return [rejected(truth, budget) for budget in budgets]


def rejected(truth: Truth, budget: int) -> Called:
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


METHODS: dict[str, tuple[Callable[[Truth, Sequence[int]], list[Called]], tuple[int, ...]]] = {
    "ours": (ours, BUDGETS),
    "same for each": (same, (NUMBER, *BUDGETS)),
    "successive rejects": (rejects, BUDGETS),
}


def judged(truth: Truth, called: Called) -> tuple[float, float, float]:
    """Tell whether the best is close, what share of the front is found, and what share is wrong."""
    best, front = called
    real = truth.front(truth.scores)
    return (
        float(truth.scores[best] >= truth.scores.max() - CLOSE),
        len(front & real) / len(real),
        len(front - real) / max(len(front), 1),
    )


def simulated(spread: float, noise: float, runs: range, is_flat: bool) -> Rows:
    """Return the mean figures of each method at each budget."""
    rows = []
    for name, (method, budgets) in METHODS.items():
        figures = []
        for seed in runs:
            truth = Truth(seed, spread, noise, is_flat)
            figures.append([judged(truth, called) for called in method(truth, budgets)])
        rows += [
            row(spread, noise, budget, name, np.array(figures)[:, place].mean(0))
            for place, budget in enumerate(budgets)
        ]
    return sorted(rows, key=lambda held: held["trainings"])


def row(
    spread: float | str, noise: float | str, trainings: int, method: str, figures: np.ndarray
) -> dict[str, Any]:
    about = {"spread": spread, "noise": noise, "trainings": trainings, "method": method}
    return {**about, **dict(zip(FIGURES, map(float, figures), strict=True))}


def overall(rows: Rows) -> Rows:
    """Return the means over all spreads and noises."""
    groups: dict[tuple[int, str], list[list[float]]] = {}
    for held in rows:
        figures = [held[name] for name in FIGURES]
        groups.setdefault((held["trainings"], held["method"]), []).append(figures)
    return [
        row("all", "all", *about, np.array(figures).mean(0)) for about, figures in groups.items()
    ]


def decision(times: int = 20) -> float:
    """Return the milliseconds of the processor that a decision takes, on average."""
    truth = Truth(0, 0.5, 0.4, is_flat=False)
    held = [[truth.train(place)] for place in range(NUMBER)]
    seeds = Seeds(limit=times, worth=0.0)
    started = time.process_time()
    for _ in range(times):
        key = seeds.next(known(truth, held))
        assert key
        held[int(key)].append(truth.train(int(key)))
    return 1000 * (time.process_time() - started) / times


def line(held: dict[str, Any]) -> str:
    figures = "".join(f"{held[name]:7.2f}" for name in FIGURES)
    about = f"{held['spread']:>6} {held['noise']:>5} {held['trainings']:10}  {held['method']:19}"
    return about + figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first run")
    parser.add_argument("--flat", action="store_true", help="one price for all")
    parser.add_argument("--json", action="store_true", help="one document instead of the table")
    asked = parser.parse_args()
    runs = range(asked.first, asked.first + asked.runs)
    out = sys.stderr if asked.json else sys.stdout
    print("spread noise  trainings  method                best  front wrongly", file=out)
    rows: Rows = []
    for spread in SPREADS:
        for noise in NOISES:
            found = simulated(spread, noise, runs, asked.flat)
            print(*map(line, found), sep="\n", file=out, flush=True)
            rows += found
    means = overall(rows)
    milliseconds = decision()
    print(*map(line, means), sep="\n", file=out)
    print(f"{milliseconds:.1f} ms a decision among {NUMBER}, {asked.runs} runs each", file=out)
    if asked.json:
        document = {
            "flat": asked.flat,
            "runs": asked.runs,
            "first": asked.first,
            "ms": milliseconds,
            "rows": rows + means,
        }
        print(json.dumps(document))


if __name__ == "__main__":
    main()
