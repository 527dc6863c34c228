"""What the differences between rows are worth: a model of rows and seeds with one residual.

Score = row + seed + noise, by least squares, so that trainings may be missing. A seed stands for
its draws, which the rows share; what is left over is noise, and as rows vary alike it is estimated
from all of them together. Two rows alone make the paired t-test.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from search.simultaneous import Array, Family, root, student

POWER = 0.8
"""How often an effect must be found to count as one that the seeds could show."""

Scores = Mapping[str, Mapping[int, float]]
"""The score of each row at each seed it was trained with."""


class Interval(NamedTuple):
    """Where a difference lies, with some confidence."""

    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """A row minus the reference; without a common seed or a known noise most of it is None.

    `interval` and `chance` are of this row alone, `joint_interval` and `joint_chance` hold for all
    rows at once. The chance is that of so large a difference where there is none. `detectable` is
    the effect that the joint interval would tell from zero four times in five.
    """

    n: int
    estimate: float | None = None
    interval: Interval | None = None
    chance: float | None = None
    joint_interval: Interval | None = None
    joint_chance: float | None = None
    detectable: float | None = None


@dataclass(frozen=True)
class Comparison:
    """All rows against one; `residual` is the standard deviation of the noise, if it is known."""

    reference: str
    confidence: float
    residual: float | None
    freedom: int
    differences: Mapping[str, Difference]

    @property
    def detectable(self) -> float | None:
        """The smallest effect that these seeds could show."""
        known = [one.detectable for one in self.differences.values() if one.detectable is not None]
        return min(known, default=None)


def compare(scores: Scores, reference: str, confidence: float = 0.95) -> Comparison:
    """Compare every row with the reference; rows without scores are left out."""
    if not scores.get(reference):
        raise ValueError(f"{reference!r} has no score to compare with")
    models = [Model(scores, rows) for rows in connected(scores, reference)]
    freedom = sum(model.freedom for model in models)
    found = {name: Difference(len(held)) for name, held in scores.items() if held}
    del found[reference]
    noise = math.sqrt(sum(model.left for model in models) / freedom) if freedom else None
    found |= models[0].differences(noise, freedom, confidence)
    return Comparison(reference, confidence, noise, freedom, found)


class Model:
    """Rows that seeds connect, against the first of them.

    `left` is the sum of squares that rows and seeds do not explain, with `freedom` degrees.
    """

    def __init__(self, scores: Scores, rows: Sequence[str]) -> None:
        seeds = sorted({seed for row in rows for seed in scores[row]})
        there = np.array([[seed in scores[row] for seed in seeds] for row in rows], float)
        table = np.array([[scores[row].get(seed, 0.0) for seed in seeds] for row in rows])
        self.rows = rows[1:]
        self.trained: Array = there[1:].sum(1)
        within = there[1:] / self.trained[:, None]
        # the normal equations of the seeds, once the rows are eliminated
        inverse = np.linalg.inv(np.diag(there.sum(0)) - there[1:].T @ within)
        draws = inverse @ (table.sum(0) - within.T @ table[1:].sum(1))
        self.estimates: Array = table[1:].sum(1) / self.trained - within @ draws
        self.shared: Array = within @ np.linalg.cholesky(inverse)
        rest = (table - np.append(0.0, self.estimates)[:, None] - draws) * there
        self.left = float((rest**2).sum())
        self.freedom = int(there.sum()) - sum(there.shape) + 1

    def differences(
        self, noise: float | None, freedom: int, confidence: float
    ) -> dict[str, Difference]:
        """Return the first row's difference to each of the others."""
        counts = map(int, self.trained)
        if noise is None:
            plain = zip(self.rows, counts, map(float, self.estimates), strict=True)
            return {row: Difference(n, estimate) for row, n, estimate in plain}
        alone = student(freedom)
        family = Family.of(1 / self.trained, self.shared, freedom)
        bound, joint = alone.bound(confidence), family.bound(confidence)
        reach = detectable(alone, joint)
        errors = noise * np.sqrt(1 / self.trained + (self.shared**2).sum(1))
        found = {}
        for row, n, one, error in zip(self.rows, counts, self.estimates, errors, strict=True):
            estimate, error = float(one), float(error)
            size = abs(estimate) / error if error else (math.inf if estimate else 0.0)
            found[row] = Difference(
                n,
                estimate,
                Interval(estimate - bound * error, estimate + bound * error),
                1 - alone.coverage(size),
                Interval(estimate - joint * error, estimate + joint * error),
                1 - family.coverage(size),
                reach * error,
            )
        return found


def detectable(alone: Family, bound: float) -> float:
    """Return how many standard errors an effect must have to pass a bound often enough."""
    return root(lambda shift: 1 - alone.coverage(bound, shift) - POWER, 0.0, 2 * bound)


def connected(scores: Scores, reference: str) -> list[list[str]]:
    """Group rows by the seeds that connect them, the reference first in the first group."""
    left = [reference, *(name for name, held in scores.items() if held and name != reference)]
    groups = []
    while left:
        group, reached = [left[0]], set(scores[left[0]])
        while near := [row for row in left if row not in group and reached & scores[row].keys()]:
            group += near
            reached.update(*(scores[row] for row in near))
        groups.append(group)
        left = [row for row in left if row not in group]
    return groups
