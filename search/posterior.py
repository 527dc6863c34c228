"""What is known of the mean of each architecture, given the seeds that there are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search.survey import RESOLUTION

Array = NDArray[np.float64]

DRAWS = 400
"""How many worlds are drawn from what is known."""
GUESS = 0.5
"""The noise of a seed as a share of the spread of scores, where no architecture has two seeds."""
TRUST = 2.0
"""How many degrees of freedom that guess is worth."""
FEW = 4
"""How many architectures there are at least for each term of what is usual at a price."""
TINY = 1e-12
"""What keeps a variance above 0 where all scores are one."""


class Posterior:
    """The means of all architectures as they may be, each normal and by itself.

    Means scatter about a trend over the first price, and seeds about means: both scatters are
    pooled over all architectures, so that one that has a single seed has an error too.
    """

    def __init__(self, prices: Array, scores: Sequence[Sequence[float]]) -> None:
        number = len(scores)
        self.counts = np.array([float(len(held)) for held in scores])
        owner = np.repeat(np.arange(number), self.counts.astype(int))
        every = np.concatenate([np.asarray(held, dtype=float) for held in scores])
        observed = np.bincount(owner, every, number) / self.counts
        squares = float(((every - observed[owner]) ** 2).sum())
        weights = np.ones(number)
        for _ in range(2):  # how much a mean tells of the trend depends on both scatters
            trend, terms = usual(prices[:, 0], observed, weights)
            noise, scatter = variances(squares, observed - trend, self.counts, terms)
            weights = 1 / (scatter + noise / self.counts)
        kept = scatter * weights
        self.noise = noise
        self.means: Array = trend + kept * (observed - trend)
        self.variances: Array = scatter * (1 - kept) + TINY**2
        limits = prices + RESOLUTION * np.abs(prices)
        self.rivals = np.asarray((prices[None] <= limits[:, None]).all(2))
        np.fill_diagonal(self.rivals, val=False)

    def steps(self, seeds: int) -> Array:
        """Return the deviation by which so many further seeds of each would move its mean."""
        moved: Array = self.variances / np.sqrt(self.variances + self.noise / seeds)
        return moved

    def seeming(self) -> NDArray[np.bool_]:
        """Tell what is on the front going by the means."""
        return self._is_ahead(self.means)

    def ahead(self) -> Array:
        """Return how probably each is on the front."""
        share: Array = self._is_ahead(self._drawn).mean(0)
        return share

    def best(self) -> Array:
        """Return how probably each has the best mean of all."""
        return np.bincount(self._drawn.argmax(1), minlength=len(self.means)) / DRAWS

    @cached_property
    def _drawn(self) -> Array:
        draws = np.random.default_rng(0).standard_normal((DRAWS, len(self.means)))
        return self.means + np.sqrt(self.variances) * draws

    def _is_ahead(self, scores: Array) -> NDArray[np.bool_]:
        """Tell which scores nothing that costs no more is above."""
        held = [
            scores[..., rivals].max(-1) if rivals.any() else np.full(scores.shape[:-1], -np.inf)
            for rivals in self.rivals
        ]
        ahead: NDArray[np.bool_] = scores >= np.stack(held, axis=-1)
        return ahead


def usual(prices: Array, observed: Array, weights: Array) -> tuple[Array, int]:
    """Return what is usual at each price, and by how many terms that is told.

    It is a constant, a line or a parabola over the logarithm of the price: whichever Schwarz's
    criterion prefers, so that a trend which may be noise favours nobody for being dear.
    """
    terms = np.ones((len(prices), 1))
    if prices.min() > 0 and prices.max() > prices.min() * (1 + RESOLUTION):
        logs = np.log(prices)
        terms = np.vander((logs - logs.mean()) / logs.std(), 3, increasing=True)
    most = min(terms.shape[1], max(1, len(prices) // FEW))
    root, best, found = np.sqrt(weights), np.inf, observed
    chosen = 1
    for count in range(1, most + 1):
        part = terms[:, :count]
        fit = part @ np.linalg.lstsq(part * root[:, None], observed * root, rcond=None)[0]
        misfit = float((weights * (observed - fit) ** 2).mean()) + TINY
        criterion = len(prices) * np.log(misfit) + count * np.log(len(prices))
        if criterion < best:
            best, found, chosen = criterion, fit, count
    return found, chosen


def variances(squares: float, residuals: Array, counts: Array, terms: int) -> tuple[float, float]:
    """Return the variance of seeds about their mean, and of means about the trend."""
    total = float((residuals**2).mean()) + TINY
    noise = (squares + TRUST * GUESS**2 * total) / (float((counts - 1).sum()) + TRUST)
    spread = float((residuals**2).sum()) / max(len(residuals) - terms, 1)
    scatter = spread - noise * float((1 / counts).mean())
    return noise, max(scatter, 0.05 * total)
