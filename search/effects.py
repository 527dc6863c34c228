"""What each choice does to the score, and how much of the differences it explains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev, variance

import numpy as np
import numpy.typing as npt

from search.rows import Mean
from spaces.labels import Label

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """The architectures that took one option; `error` is the standard error of their mean."""

    label: Label
    n: int
    mean: float
    error: float | None


@dataclass(frozen=True)
class Effect:
    """One choice: its options, and shares of the variance between the architectures that have it.

    `alone` is what its options' means explain, `chance` what as many meaningless options would.
    `beyond` is what it adds once all other choices are known: far from `alone`, it varied together
    with another in these trials. It is None where the choice is not everywhere, or trials are few.
    """

    choice: str
    levels: tuple[Level, ...]
    n: int
    alone: float
    chance: float
    beyond: float | None

    @property
    def is_confounded(self) -> bool:
        """Tell whether another choice may have caused what this one shows."""
        return self.beyond is not None and abs(self.alone - self.beyond) > 0.1


def effects(means: Sequence[Mean], labels: Mapping[str, Sequence[Label]]) -> list[Effect]:
    """Return the effect of every choice that took at least two options, the largest share first."""
    if not means:
        return []
    taken = [name for name in labels if len({mean.choices.get(name) for mean in means}) > 1]
    everywhere = [name for name in taken if all(name in mean.choices for mean in means)]
    beyond = beyond_others(means, everywhere)
    found = [effect(name, labels[name], means, beyond.get(name)) for name in taken]
    return sorted((one for one in found if one), key=lambda one: -one.alone)


def effect(
    name: str, labels: Sequence[Label], means: Sequence[Mean], beyond: float | None
) -> Effect | None:
    """Return the effect of one choice among the architectures that have it."""
    held = [mean for mean in means if name in mean.choices]
    scores = [mean.mean for mean in held]
    groups = {
        label: [mean.mean for mean in held if mean.choices[name] == label] for label in labels
    }
    groups = {label: group for label, group in groups.items() if group}
    if len(groups) < 2:
        return None
    whole, middle = squares(scores), fmean(scores)
    between = sum(len(group) * (fmean(group) - middle) ** 2 for group in groups.values())
    levels = tuple(
        Level(
            label,
            len(group),
            fmean(group),
            stdev(group) / math.sqrt(len(group)) if len(group) > 1 else None,
        )
        for label, group in groups.items()
    )
    alone = between / whole if whole else 0.0
    return Effect(name, levels, len(held), alone, (len(groups) - 1) / (len(held) - 1), beyond)


def beyond_others(means: Sequence[Mean], names: Sequence[str]) -> dict[str, float]:
    """Return what each choice adds to an additive model of all the others; none where it is full.

    In a whole grid this is what it explains alone, and the first-order share of a functional
    analysis of variance.
    """
    scores = np.array([mean.mean for mean in means])
    columns = {name: coded([mean.choices[name] for mean in means]) for name in names}
    width = 1 + sum(column.shape[1] for column in columns.values())
    whole = squares(list(scores))
    if not whole or width >= len(means):
        return {}
    full = left_over(list(columns.values()), scores)
    without = {
        name: left_over([other for key, other in columns.items() if key != name], scores)
        for name in names
    }
    return {name: max(0.0, (left - full) / whole) for name, left in without.items()}


def coded(labels: Sequence[Label]) -> Matrix:
    """Return a column of 0 and 1 for each option but the first."""
    options = list(dict.fromkeys(labels))[1:]
    return np.array([[float(label == option) for option in options] for label in labels])


def left_over(columns: Sequence[Matrix], scores: Matrix) -> float:
    """Return the squares that least squares leave."""
    table = np.hstack([np.ones((len(scores), 1)), *columns])
    fitted = table @ np.linalg.lstsq(table, scores)[0]
    return float(((scores - fitted) ** 2).sum())


def noise(means: Sequence[Mean]) -> float | None:
    """Return which share of the differences between means seeds alone would make.

    None where no architecture has two seeds.
    """
    repeated = [mean for mean in means if mean.n > 1]
    scores = [mean.mean for mean in means]
    if not repeated or len(scores) < 2 or not squares(scores):
        return None
    freedom = sum(mean.n - 1 for mean in repeated)
    pooled = sum((mean.n - 1) * variance(mean.scores) for mean in repeated) / freedom
    expected = pooled * fmean(1 / mean.n for mean in means)
    return min(1.0, expected / variance(scores))


def squares(scores: Sequence[float]) -> float:
    """Return the sum of squares about the mean."""
    middle = fmean(scores)
    return sum((score - middle) ** 2 for score in scores)
