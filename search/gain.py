"""The expected gain in hypervolume where the price is known and only the score is not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MARGIN = 0.1
"""How far beyond the dearest architecture a score still counts, as a share of all prices."""
REACH, CELLS = 8.0, 4000


@dataclass(frozen=True)
class Staircase:
    """The best score at each price or below: `bounds` from `starts` on, up to the `end`."""

    starts: Array
    bounds: Array
    end: float

    def gains(self, means: Array, deviations: Array, places: Array) -> Array:
        """Return by how much each candidate is expected to push the staircase.

        From one step to the next the bound is a constant, so what is expected there is that of a
        single bound times the length; only what lies beyond the candidate's own price counts.
        """
        total = np.zeros(len(means))
        for start, end, bound in zip(
            self.starts, [*self.starts[1:], self.end], self.bounds, strict=True
        ):
            length = np.maximum(end - np.maximum(places, start), 0.0)
            total += length * deviations * hinge((means - bound) / deviations)
        return total

    def bound(self, place: float) -> float:
        """Return the best score at a price or below."""
        return float(self.bounds[max(int(np.searchsorted(self.starts, place, "right")) - 1, 0)])


def staircase(places: Array, scores: Array, floor: float) -> Staircase:
    """Return the staircase of what is known; below the cheapest of it any score above counts."""
    order = np.lexsort((-scores, places))
    starts, bounds = [0.0], [floor]
    for place, score in zip(places[order].tolist(), scores[order].tolist(), strict=True):
        if score <= bounds[-1]:
            continue
        if place > starts[-1]:
            starts.append(place)
            bounds.append(score)
        else:
            bounds[-1] = score
    return Staircase(np.array(starts), np.array(bounds), 1.0 + MARGIN)


class Axis:
    """Where prices lie between the lowest, 0, and the highest, 1; what is equal is one place.

    A price is read half by what it is and half by its logarithm: half the price of the dearest
    network is welcome, and half that of a small one is too.
    """

    def __init__(self, prices: Array, resolution: float) -> None:
        self._resolution = resolution
        levels: list[float] = []
        for price in np.unique(prices).tolist():
            if not levels or price > levels[-1] + resolution * abs(levels[-1]):
                levels.append(price)
        self._levels = np.array(levels)

    def __call__(self, prices: Array) -> Array:
        """Return the places of prices."""
        below = self._levels[np.maximum(np.searchsorted(self._levels, prices, "right") - 1, 0)]
        levels = np.where(prices <= below + self._resolution * np.abs(below), below, prices)
        low, high = float(self._levels[0]), float(self._levels[-1])
        if high <= low:
            return np.zeros(len(prices))
        straight: Array = np.clip((levels - low) / (high - low), 0.0, 1.0)
        if low <= 0:
            return straight
        curved = np.clip(np.log(np.maximum(levels, low) / low) / math.log(high / low), 0.0, 1.0)
        return (straight + curved) / 2


def hinge(z: Array) -> Array:
    """Return the expectation of what a standard normal variable plus `z` is above 0."""
    grid, values = _hinges()
    return np.where(z > REACH, z, np.interp(z, grid, values))


@cache
def _hinges() -> tuple[Array, Array]:
    grid = np.linspace(-REACH, REACH, CELLS + 1)
    values = [
        math.exp(-z * z / 2) / math.sqrt(2 * math.pi) + z * math.erfc(-z / math.sqrt(2)) / 2
        for z in grid
    ]
    return grid, np.array(values)
