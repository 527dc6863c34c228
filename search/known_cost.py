"""A sampler that knows the price: it models the score alone, and asks what the front would gain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from search.candidates import Candidate, Candidates, Price
from search.features import Features
from search.gain import Axis, Staircase, staircase
from search.surrogate import Scales, Surrogate, fitted
from search.survey import RESOLUTION
from spaces import Architecture, Space
from spaces.labels import Label

Array = NDArray[np.float64]

START = 12
"""How many architectures are drawn, one from each range of prices, before anything is modelled."""
FLOOR = 0.05
"""The share of the first scores below which a score counts for nothing."""
GROWTH = 1.1
"""The scales are found anew when there are so many times as many scores."""
FITTED = 200
"""Scales are found from so many scores at most."""
PAIRS = 5e6
"""How many pairs of a candidate and a known score are looked at for each suggestion."""
CLIMBERS, CLIMBS = 4, 3
"""How many of the best candidates of a large space are climbed from, and how far."""


@dataclass(frozen=True)
class Seen:
    """An architecture that is trained, or being trained: then it has no scores yet.

    More is better in a score; `prices` are as the sampler's own price function tells them.
    """

    key: str
    choices: Mapping[str, Label]
    prices: tuple[float, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Outlook:
    """What is expected of candidates by one of their prices, and where the front stands."""

    features: Features
    axis: Axis
    price: int
    surrogate: Surrogate
    front: Staircase

    def gains(self, candidates: Sequence[Candidate]) -> Array:
        """Return what each would add to the hypervolume."""
        places = self.axis(np.array([one.prices[self.price] for one in candidates]))
        rows = self.features([one.choices for one in candidates], places)
        return self.front.gains(*self.surrogate(rows), places)


class KnownCost:
    """Suggests by the exact expected gain in hypervolume, as prices are known before training.

    A suggestion follows from the seed and from what has been seen, in its order, and from nothing
    else: a search that goes on suggests what it would have suggested without a break.
    """

    def __init__(self, space: Space, price: Price, seed: int) -> None:
        self.seed = seed
        self._space = space
        self._candidates = Candidates(space, price, seed)
        self._features = Features(space.labels)
        self._found: tuple[bytes, Scales] | None = None

    def suggest(self, seen: Sequence[Seen]) -> Architecture | None:
        """Return an architecture that is not among those seen; None where there is none left."""
        random = Random(f"{self.seed} {len(seen)}")
        known = {one.key for one in seen}
        left = {k: one for k, one in self._candidates.everywhere.items() if k not in known}
        trained = [one for one in seen if one.scores]
        if len(seen) < START or len(trained) < START // 2:
            return self._stratified(list(left.values()), len(seen), random)
        # several prices are pursued in turn
        turn = len(seen) % max(len(one.prices) for one in seen)
        outlook, parents = self._outlook(seen, list(left.values()), turn)
        near = self._candidates.near(parents, random)
        left |= {key: one for key, one in near.items() if key not in known}
        return self._climbed(outlook, left, known, random)

    def _stratified(self, left: list[Candidate], turn: int, random: Random) -> Architecture | None:
        """Draw from a range of prices, each range in its turn."""
        if not left:
            return None
        order = list(range(START))
        Random(self.seed).shuffle(order)
        ranked = sorted(left, key=lambda one: one.prices)
        place = order[turn % START]
        low, high = (len(ranked) * edge // START for edge in (place, place + 1))
        return random.choice(ranked[low : max(high, low + 1)]).architecture

    def _outlook(
        self, seen: Sequence[Seen], left: Sequence[Candidate], price: int
    ) -> tuple[Outlook, list[Architecture]]:
        """Model what is known, with what still runs as it is expected to end; name the front."""
        prices = np.array([one.prices[price] for one in [*seen, *left]])
        axis = Axis(prices, RESOLUTION)
        trained = [one for one in seen if one.scores]
        running = [one for one in seen if not one.scores]
        places = axis(np.array([one.prices[price] for one in [*trained, *running]]))
        rows = self._features([one.choices for one in [*trained, *running]], places)
        scores = np.array([fmean(one.scores) for one in trained])
        counts = np.array([float(len(one.scores)) for one in trained])
        scales = self._scaled(rows[: len(trained)], scores, counts)
        surrogate = Surrogate(scales, rows[: len(trained)], self._features.groups, scores, counts)
        if running:
            scores = np.append(scores, surrogate(rows[len(trained) :])[0])
            counts = np.append(counts, np.ones(len(running)))
            surrogate = Surrogate(scales, rows, self._features.groups, scores, counts)
        # a score is one lucky or unlucky training; what the model makes of it is nearer the mean
        expected = surrogate(rows)[0]
        front = staircase(places, expected, float(np.quantile(scores[:START], FLOOR)))
        parents = [
            self._space.at(one.choices)
            for one, place, score in zip([*trained, *running], places, expected, strict=True)
            if score >= front.bound(place)
        ]
        return Outlook(self._features, axis, price, surrogate, front), parents

    def _scaled(self, rows: Array, scores: Array, counts: Array) -> Scales:
        """Find the scales from the first scores, so many that they stay for a while."""
        until = START // 2
        while until * GROWTH + 1 <= len(scores):
            until = int(until * GROWTH + 1)
        kept = np.unique(np.linspace(0, until - 1, min(until, FITTED)).astype(int))
        rows, scores, counts = rows[kept], scores[kept], counts[kept]
        about = b"".join(part.tobytes() for part in (rows, scores, counts))
        if self._found is None or self._found[0] != about:
            self._found = about, fitted(rows, self._features.groups, scores, counts)
        return self._found[1]

    def _climbed(
        self, outlook: Outlook, left: dict[str, Candidate], known: set[str], random: Random
    ) -> Architecture | None:
        """Return the candidate of the largest gain, of a large space the top of a climb."""
        if not left:
            return None
        found = list(left.values())
        most = int(PAIRS / (len(known) + 1))
        if len(found) > most:
            found = random.sample(found, most)
        gains = outlook.gains(found)
        for _ in range(CLIMBS):
            best = [found[place] for place in np.argsort(-gains, kind="stable")[:CLIMBERS]]
            held = {one.key for one in found}
            steps = self._candidates.beside(best).items()
            fresh = [one for key, one in steps if key not in known and key not in held]
            if not fresh:
                break
            further = outlook.gains(fresh)
            is_higher = further.max() > gains.max()
            found, gains = found + fresh, np.append(gains, further)
            if not is_higher:
                break
        return found[int(np.argmax(gains))].architecture
