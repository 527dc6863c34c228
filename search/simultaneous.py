"""How often several t statistics with one residual stay within a bound, by integration."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[np.float64]

SCALES = 80
"""Points in the scale of the residual; ten digits for any degrees of freedom."""
NODES = (1, 48, 32, 16, 10, 6)
"""Points in each direction of what is shared, by how many there are; four digits at the least."""


@dataclass(frozen=True)
class Family:
    """Estimates of variance `apart[i] + shared[i] @ shared[i]`, in units of the residual's.

    The residual's variance is known with `freedom` degrees. Given what is shared, the estimates
    are independent, so however many they are, the integral has the dimensions of that alone.
    """

    apart: Array
    shared: Array
    freedom: int

    @classmethod
    def of(cls, apart: Array, shared: Array, freedom: int) -> Self:
        """Turn what is shared into as few directions as it has.

        What goes beyond the grid is counted as each estimate's own, which widens a bound a little.
        """
        left, sizes, _ = np.linalg.svd(shared, full_matrices=False)
        directions = left * sizes
        kept = directions[:, sizes > 1e-9 * sizes[0]][:, : len(NODES) - 1]
        rest = (shared**2).sum(1) - (kept**2).sum(1)
        return cls(apart + rest.clip(0), kept, freedom)

    def coverage(self, bound: float, shift: float = 0.0) -> float:
        """Return how often every |estimate / its standard error| is at most `bound`.

        `shift` is the true value of each, in standard errors.
        """
        scales, weights = scale_rule(self.freedom)
        places, shares = normal_rule(self.shared.shape[1])
        deviations = np.sqrt(self.apart + (self.shared**2).sum(1))
        own = np.sqrt(self.apart) / deviations
        common = places @ (self.shared / deviations[:, None]).T + shift
        inside = np.ones((len(scales), len(places)))
        for each, centre in zip(own, common.T, strict=True):
            reach = bound * scales[:, None]
            inside *= below((reach - centre) / each) - below((-reach - centre) / each)
        return float(weights @ inside @ shares)

    def bound(self, confidence: float) -> float:
        """Return the bound that all of them keep with this probability."""
        single = student(self.freedom)
        low = root(lambda bound: single.coverage(bound) - confidence, 0.0, 2.0)
        if len(self.apart) == 1:
            return low
        return root(lambda bound: self.coverage(bound) - confidence, low, 1.2 * low)


def student(freedom: int) -> Family:
    """Return the family of one."""
    return Family(np.ones(1), np.zeros((1, 0)), freedom)


@cache
def scale_rule(freedom: int) -> tuple[Array, Array]:
    """Return Gauss points and weights for the square root of chi-squared over its degrees.

    The points are those of its root, which lie closer together where a small scale makes large
    statistics.
    """
    nodes, weights = np.polynomial.legendre.leggauss(SCALES)
    reach = 11 / math.sqrt(2 * freedom)
    low, high = math.sqrt(max(0.0, 1 - reach)), math.sqrt(1 + reach)
    roots = (high - low) / 2 * nodes + (high + low) / 2
    logs = (2 * freedom - 1) * np.log(roots) - freedom / 2 * roots**4
    density = weights * np.exp(logs - logs.max())
    return roots**2, density / density.sum()


@cache
def normal_rule(directions: int) -> tuple[Array, Array]:
    """Return Gauss points and weights for independent standard normal numbers."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES[directions])
    places = np.array(list(product(nodes, repeat=directions)))
    shares = np.array([math.prod(each) for each in product(weights, repeat=directions)])
    return places, shares / shares.sum()


def below(values: Array) -> Array:
    """Return how often a standard normal number is below each value."""
    share: Array = torch.special.ndtr(torch.from_numpy(values)).numpy()
    return share


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Find where a rising function is zero, from a start below it."""
    at_low, at_high = function(low), function(high)
    while at_high < 0:
        low, at_low, high = high, at_high, 2 * high
        at_high = function(high)
    for _ in range(200):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        value = function(middle)
        if abs(value) < 1e-13 or high - low < 1e-12 * high:
            return middle
        # halving the other end's value keeps a bent function from creeping (the Illinois rule)
        if value < 0:
            low, at_low, at_high = middle, value, at_high / 2
        else:
            high, at_high, at_low = middle, value, at_low / 2
    return (low + high) / 2
