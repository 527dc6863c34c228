"""What a look at one architecture would teach about all, in closed form: no worlds are drawn.

`means` are what scores are expected to be, `steps` the deviations by which a look at each would
move its mean. A look is worth what is called better after it, on average: the knowledge gradient of
Frazier et al. 2009, https://doi.org/10.1287/ijoc.1080.0314.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.gain import REACH, hinge

Array = NDArray[np.float64]

NEVER = -1e9
"""Stands for the score of a rival that there is not: finite, so that differences are numbers."""


def best_gains(means: Array, steps: Array) -> Array:
    """Return by how much a look at each raises the score of what is then called the best."""
    first, without = tops(means[None])
    others = np.where(np.arange(len(means)) == first[0], without[0], means[first[0]])
    return raised(-np.abs(means - others), steps)


def front_gains(means: Array, steps: Array, rivals: NDArray[np.bool_]) -> Array:
    """Return by how much a look at each raises the leads of what is then called the front.

    The lead of one is what it scores above the best of its rivals, those that cost no more, and is
    below 0 for what is called on the front by mistake. A look at one tells of its own lead, and of
    the lead of each that it is a rival of, which rises no higher than the other rivals let it.
    """
    first, without = tops(np.where(rivals, means[None], NEVER))
    bound = np.where(rivals.any(1), means[first], NEVER)
    gains = raised(-np.abs(means - bound), steps)
    # row by row: the lead over the one looked at, and the lead over the best of all others
    apart = means[:, None] - means[None]
    others = np.repeat(bound[:, None], len(means), axis=1)
    others[np.arange(len(means)), first] = without
    most = means[:, None] - others
    near = REACH * steps[None]
    is_open = rivals & (most > 0) & ((np.abs(apart) < near) | (np.abs(apart - most) < near))
    looked_at = np.nonzero(is_open)[1]
    step, lead, most = steps[looked_at], apart[is_open], most[is_open]
    after = step * (hinge(lead / step) - hinge(np.maximum((lead - most) / step, -REACH)))
    before = np.maximum(most - step * hinge((most - lead) / step), 0.0)
    total: Array = gains + np.bincount(looked_at, after - before, len(means))
    return total


def tops(scores: Array) -> tuple[NDArray[np.intp], Array]:
    """Return which is the best in each row, and the best score without it."""
    rows = np.arange(len(scores))
    first = scores.argmax(1)
    left = scores.copy()
    left[rows, first] = NEVER
    return first, left.max(1)


def raised(gaps: Array, steps: Array) -> Array:
    """Return the mean of what a normal step lifts above a bound that lies a gap away."""
    gains: Array = steps * hinge(np.maximum(gaps / steps, -REACH))
    return gains
