"""Architectures with unequal numbers of seeds, weighed: one lucky training is not the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from search.objectives import Objective
from search.rows import Mean, score_among
from search.seeds import Known, Seeds


def weighed(means: Iterable[Mean], goals: Sequence[Objective]) -> list[Mean]:
    """Return the means with an estimate each, where some have more seeds than others.

    Where all have as many, they are judged by what they scored.
    """
    held = list(means)
    if len({mean.n for mean in held}) < 2:
        return held
    goal = score_among(goals)
    sign = -1 if goal.direction == "minimize" else 1
    beliefs = Seeds().beliefs(known(held, goals))
    return [
        replace(mean, estimate=sign * belief.mean, on_front=belief.on_front)
        for mean, belief in zip(held, beliefs, strict=True)
    ]


def known(means: Iterable[Mean], goals: Sequence[Objective]) -> list[Known]:
    """Return what is known of architectures: more is better in a score, less in a price."""
    goal = score_among(goals)
    prices = [other for other in goals if other is not goal]
    sign = -1 if goal.direction == "minimize" else 1
    return [
        Known(
            mean.key,
            tuple(mean.value(price) for price in prices),
            tuple(sign * score for score in mean.scores),
        )
        for mean in means
    ]
