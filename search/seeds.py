"""Seeds as a budget: what is known of each architecture's mean, and whose next seed tells most."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from search.lookahead import best_gains, front_gains
from search.posterior import Posterior

NONE: Set[str] = frozenset()

AHEAD = (1, 3, 9)
"""Of how many further seeds it is asked what they would teach: one often changes no mind."""


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
    score is higher.
    """

    key: str
    mean: float
    deviation: float
    on_front: float
    best: float
    is_on_front: bool


@dataclass(frozen=True)
class Seeds:
    """Gives out seeds one at a time, until what is on the front is decided or `limit` is reached.

    A run trains one seed of everything first. Then it asks, as long as there is time,

        key = Seeds(limit=5).next([Known(key, prices, scores), ...], running)

    and trains one more seed of that architecture; None says that there is nothing left to decide.
    Two questions are asked in turn, which is the best and which are on the front: the seed goes
    where a seed is expected to better the answer most, by itself or with those that follow it.
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
        may = np.array(
            [one.key not in running and len(one.scores) < self.limit for one in known], dtype=bool
        )
        if len(known) < 2 or not may.any():
            return None
        held = posterior(known)
        best = [best_gains(held.means, held.steps(seeds)) for seeds in AHEAD]
        front = [front_gains(held.means, held.steps(seeds), held.rivals) for seeds in AHEAD]
        turn = int(held.counts.sum()) + len(running)
        for gains in (best, front) if turn % 2 else (front, best):
            asked = may & (gains[-1] > self.worth)
            if asked.any():
                each = np.max([gain / seeds for gain, seeds in zip(gains, AHEAD, strict=True)], 0)
                return known[int(np.where(asked, each, -1.0).argmax())].key
        return None

    def beliefs(self, known: Sequence[Known]) -> list[Belief]:
        """Return what is known of each architecture, in the order given."""
        if not known:
            return []
        held = posterior(known)
        columns = held.means, np.sqrt(held.variances), held.ahead(), held.best(), held.seeming()
        return [
            Belief(one.key, float(mean), float(deviation), float(ahead), float(best), bool(seems))
            for one, mean, deviation, ahead, best, seems in zip(known, *columns, strict=True)
        ]


def posterior(known: Sequence[Known]) -> Posterior:
    """Return what seeds tell of means; without a price everything costs the same."""
    prices = np.array([one.prices or (0.0,) for one in known])
    return Posterior(prices, [one.scores for one in known])
