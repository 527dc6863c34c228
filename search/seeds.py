"""Seeds as a budget: what is known of each architecture's mean, and whose next seed tells most."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.survey import RESOLUTION

Array = NDArray[np.float64]
NONE: Set[str] = frozenset()

DRAWS = 400
"""How many worlds are drawn from what is known."""
GUESS = 0.5
"""The noise of a seed as a share of the spread of scores, where no architecture has two seeds."""
TRUST = 2.0
"""How many degrees of freedom that guess is worth."""


@dataclass(frozen=True)
class Known:
    """An architecture with its prices and the scores of its seeds; more is better in a score."""

    key: str
    prices: tuple[float, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Belief:
    """What seeds tell of an architecture: its mean, how surely, and how probably it is ahead.

    `on_front` is the probability that nothing of at least its score costs as little, `best` that no
    score is higher; `doubt` is what is lost, on average, by taking it for what it seems to be.
    """

    key: str
    mean: float
    deviation: float
    on_front: float
    best: float
    is_on_front: bool
    doubt: float


@dataclass(frozen=True)
class Seeds:
    """Gives out seeds one at a time, until what is on the front is decided or `limit` is reached.

    A run trains one seed of everything first. Then it asks, as long as there is time,

        key = Seeds(limit=5).next([Known(key, prices, scores), ...], running)

    and trains one more seed of that architecture; None says that there is nothing left to decide.
    `limit` is the most seeds that one architecture gets, `worth` the difference of scores that is
    not worth a training. `beliefs` are what the front and the best are read off in the end: one
    lucky training says little, so scores are drawn towards what is usual at their price.
    """

    limit: int = 10
    worth: float = 0.0005

    def next(self, known: Sequence[Known], running: Set[str] = NONE) -> str | None:
        """Return the key of the architecture whose next seed tells most; None once all is decided.

        What has a seed on its way already waits for that.
        """
        if not known:
            return None
        world = World(known)
        doubts = world.doubts()
        counts = np.array([len(one.scores) for one in known])
        may = np.array([one.key not in running for one in known]) & (counts < self.limit)
        for place in np.argsort(-doubts, kind="stable"):
            if doubts[place] <= self.worth:
                return None
            pair = [at for at in (int(place), world.rival(int(place))) if may[at]]
            if pair:
                return known[max(pair, key=lambda at: float(world.deviations[at]))].key
        return None

    def beliefs(self, known: Sequence[Known]) -> list[Belief]:
        """Return what is known of each architecture, in the order given."""
        if not known:
            return []
        world = World(known)
        ahead, best = world.ahead(), world.best()
        seeming, doubts = world.seeming(), world.doubts()
        return [
            Belief(
                one.key,
                float(world.means[place]),
                float(world.deviations[place]),
                float(ahead[place]),
                float(best[place]),
                bool(seeming[place]),
                float(doubts[place]),
            )
            for place, one in enumerate(known)
        ]


class World:
    """The means of all architectures as they may be, given the seeds that there are.

    Means scatter about a trend over the first price, and seeds about means: both scatters are
    pooled over all architectures, so that one that has a single seed has an error too.
    """

    def __init__(self, known: Sequence[Known]) -> None:
        counts = np.array([float(len(one.scores)) for one in known])
        observed = np.array([np.mean(one.scores) for one in known])
        prices = np.array([one.prices for one in known])
        trend = usual(prices[:, 0], observed, counts)
        noise, scatter = variances(known, observed - trend, counts)
        weight = scatter / (scatter + noise / counts)
        self.means: Array = trend + weight * (observed - trend)
        self.deviations: Array = np.sqrt(scatter * (1 - weight) + 1e-18)
        limits = prices + RESOLUTION * np.abs(prices)
        self._rivals = (prices[None] <= limits[:, None]).all(2)
        np.fill_diagonal(self._rivals, val=False)
        draws = np.random.default_rng(0).standard_normal((DRAWS, len(known)))
        self._drawn = self.means + self.deviations * draws

    def lead(self, scores: Array) -> Array:
        """Return by how much each score is above the best of those that cost no more."""
        held = [
            scores[..., rivals].max(-1) if rivals.any() else np.full(scores.shape[:-1], -np.inf)
            for rivals in self._rivals
        ]
        lead: Array = scores - np.stack(held, axis=-1)
        return lead

    def seeming(self) -> NDArray[np.bool_]:
        """Tell what is on the front going by the means."""
        return self.lead(self.means) >= 0

    def ahead(self) -> Array:
        """Return how probably each is on the front."""
        share: Array = (self.lead(self._drawn) >= 0).mean(0)
        return share

    def best(self) -> Array:
        """Return how probably each has the best mean of all."""
        return np.bincount(self._drawn.argmax(1), minlength=len(self.means)) / DRAWS

    def doubts(self) -> Array:
        """Return what is lost on average where each is taken for what it seems to be.

        That is its place on the front or off it, and whether it is the best of all.
        """
        lead = self.lead(self._drawn)
        lost = np.where(self.seeming(), -lead, lead)
        front: Array = np.where(np.isfinite(lost), np.maximum(lost, 0.0), 0.0).mean(0)
        seems_best = int(self.means.argmax())
        above = np.maximum(self._drawn - self._drawn[:, [seems_best]], 0.0)
        best: Array = above.mean(0)
        best[seems_best] = float(above.max(1).mean())
        return front + best

    def rival(self, place: int) -> int:
        """Return what an architecture most often has to beat: among all, if it has no rivals."""
        rivals = np.flatnonzero(self._rivals[place])
        if not len(rivals):
            rivals = np.delete(np.arange(len(self.means)), place)
        if not len(rivals):
            return place
        first = rivals[self._drawn[:, rivals].argmax(1)]
        return int(np.bincount(first).argmax())


def usual(prices: Array, observed: Array, counts: Array) -> Array:
    """Return what is usual at each price: a parabola over its logarithm, as far as they differ."""
    if prices.min() <= 0 or prices.max() <= prices.min() * (1 + RESOLUTION):
        mean: Array = np.full(len(prices), np.average(observed, weights=counts))
        return mean
    logs = np.log(prices)
    logs = (logs - logs.mean()) / logs.std()
    degree = 2 if len(prices) >= 12 else 1 if len(prices) >= 5 else 0
    terms = np.vander(logs, degree + 1)
    weight = np.sqrt(counts)
    found = np.linalg.lstsq(terms * weight[:, None], observed * weight, rcond=None)[0]
    trend: Array = terms @ found
    return trend


def variances(known: Sequence[Known], residuals: Array, counts: Array) -> tuple[float, float]:
    """Return the variance of seeds about their mean, and of means about the trend."""
    total = float((residuals**2).mean()) + 1e-12
    squares = sum(float(np.var(one.scores)) * len(one.scores) for one in known)
    freedom = float((counts - 1).sum())
    noise = (squares + TRUST * GUESS**2 * total) / (freedom + TRUST)
    scatter = float(np.mean(residuals**2 - noise / counts))
    return noise, max(scatter, 0.05 * total)
