"""A sampler that knows the price: it models the score alone, and asks what the front would gain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from random import Random
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from search.candidates import Candidates, Pool, Price
from search.gain import Axis, Staircase, staircase
from search.surrogate import Scales, Surrogate, fitted
from search.survey import RESOLUTION
from spaces import Architecture, Space
from spaces.labels import Label

Array = NDArray[np.float64]

NOTHING: Set[str] = frozenset()

START = 12
"""How many architectures are drawn, one from each range of prices, before anything is modelled."""
FLOOR = 0.05
"""The share of the first scores below which a score counts for nothing."""
GROWTH = 1.1
"""The scales are found anew when there are so many times as many scores."""
FITTED = 200
"""Scales are found from so many scores at most."""
PAIRS = 2e6
"""How many pairs of a candidate and a known score are looked at for each suggestion."""
CLIMBERS, CLIMBS = 2, 3
"""How many of the best candidates of a large space are climbed from, and how far."""


@dataclass(frozen=True)
class Seen:
    """An architecture that is trained, or being trained: then it has no scores yet.

    More is better in a score; `prices` are as the sampler's own price function tells them.
    """

    key: str
    choices: Mapping[str, Label]
    prices: tuple[float, ...]
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class Outlook:
    """What is expected of architectures by one of their prices, and where the front stands."""

    price: int
    axis: Axis
    surrogate: Surrogate
    front: Staircase

    def gains(self, pool: Pool, left: NDArray[np.intp]) -> Array:
        """Return what those that are left of a pool would add to the hypervolume."""
        places = self.axis(pool.prices[left, self.price])
        rows = np.column_stack([pool.rows[left], places])
        return self.front.gains(*self.surrogate(rows), places)


class KnownCost:
    """Suggests by the exact expected gain in hypervolume, as prices are known before training.

    `price` returns an architecture's prices, or None for one that may not be trained. A suggestion
    follows from the seed and from what has been seen, in its order, and from nothing else: a search
    that goes on suggests what it would have suggested without a break.
    """

    def __init__(self, space: Space, price: Price, seed: int) -> None:
        self.seed = seed
        self._space = space
        self._candidates = Candidates(space, price, seed)
        self._found: tuple[bytes, Scales] | None = None

    def suggest(self, seen: Sequence[Seen], barred: Set[str] = NOTHING) -> Architecture | None:
        """Return an architecture that is neither seen nor barred; None where there is none left."""
        known = {one.key for one in seen} | barred
        random = Random(f"{self.seed} {len(seen)}")
        trained = [one for one in seen if one.scores]
        if len(seen) < START or len(trained) < START // 2:
            return self._stratified(known, len(seen), random)
        # several prices are pursued in turn
        outlook, parents = self._outlook(seen, len(seen) % len(seen[0].prices))
        return self._best(outlook, parents, known, random)

    def _stratified(self, known: Set[str], turn: int, random: Random) -> Architecture | None:
        """Draw from a range of prices, each range in its turn."""
        pool = self._candidates.everywhere
        left = pool.but(known)
        if not len(left):
            return None
        turns = list(range(START))
        Random(self.seed).shuffle(turns)
        ranked = left[np.lexsort(pool.prices[left].T[::-1])]
        place = turns[turn % START]
        low, high = (len(ranked) * edge // START for edge in (place, place + 1))
        return pool.architectures[int(random.choice(ranked[low : max(high, low + 1)]))]

    def _outlook(self, seen: Sequence[Seen], price: int) -> tuple[Outlook, list[Architecture]]:
        """Model what is known, with what still runs as it is expected to end; name the front."""
        ordered = sorted(seen, key=lambda one: not one.scores)
        prices = np.array([one.prices[price] for one in ordered])
        axis = Axis(np.append(prices, self._candidates.everywhere.prices[:, price]), RESOLUTION)
        places = axis(prices)
        features, groups = self._candidates.features, self._candidates.features.groups
        rows = np.column_stack([[features(one.choices) for one in ordered], places])
        scores = np.array([fmean(one.scores) for one in ordered if one.scores])
        counts = np.array([float(len(one.scores) or 1) for one in ordered])
        number = len(scores)
        floor = float(np.quantile(scores[:START], FLOOR))
        scales = self._scaled(rows[:number], scores, counts[:number])
        surrogate = Surrogate(scales, rows[:number], groups, scores, counts[:number])
        if number < len(seen):
            scores = np.append(scores, surrogate.expected(rows[number:]))
            surrogate = Surrogate(scales, rows, groups, scores, counts)
        # a score is one lucky or unlucky training; what the model makes of it is nearer the mean
        expected = surrogate.expected(rows)
        front = staircase(places, expected, floor)
        is_ahead = [
            score >= front.bound(place) for place, score in zip(places, expected, strict=True)
        ]
        parents = [
            self._space.at(one.choices)
            for one, ahead in zip(ordered, is_ahead, strict=True)
            if ahead
        ]
        return Outlook(price, axis, surrogate, front), parents

    def _scaled(self, rows: Array, scores: Array, counts: Array) -> Scales:
        """Find the scales from the first scores, so many that they stay for a while."""
        until = START // 2
        while until * GROWTH + 1 <= len(scores):
            until = int(until * GROWTH + 1)
        kept = np.unique(np.linspace(0, until - 1, min(until, FITTED)).astype(int))
        rows, scores, counts = rows[kept], scores[kept], counts[kept]
        about = b"".join(part.tobytes() for part in (rows, scores, counts))
        if self._found is None or self._found[0] != about:
            groups = self._candidates.features.groups
            self._found = about, fitted(rows, groups, scores, counts)
        return self._found[1]

    def _best(
        self,
        outlook: Outlook,
        parents: Sequence[Architecture],
        known: Set[str],
        random: Random,
    ) -> Architecture | None:
        """Return the candidate of the largest gain, of a large space the top of a climb."""
        most = int(PAIRS / len(known))
        pools = [self._candidates.everywhere, self._candidates.near(parents, random)]
        found = ranked(outlook, pools, known, most, random)
        for _ in range(CLIMBS):
            pools = [self._candidates.beside(one) for _, one in found[:CLIMBERS]]
            further = ranked(outlook, pools, known, most, random)
            if not further or further[0][0] <= found[0][0]:
                break
            found = further
        return found[0][1] if found else None


def ranked(
    outlook: Outlook, pools: Iterable[Pool], known: Set[str], most: int, random: Random
) -> list[tuple[float, Architecture]]:
    """Return the best few of what is left in pools, with their gains."""
    found: list[tuple[float, Architecture]] = []
    for pool in pools:
        left = pool.but(known)
        if len(left) > most:
            left = np.sort(random.sample(left.tolist(), most))
        if len(left):
            gains = outlook.gains(pool, left)
            best = np.argsort(-gains, kind="stable")[:CLIMBERS]
            found += [(float(gains[place]), pool.architectures[left[place]]) for place in best]
    return sorted(found, key=lambda pair: -pair[0])
