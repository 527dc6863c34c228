"""What a sampler may choose from: all of a small space, of a large one draws and what is near."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from random import Random

import numpy as np
from numpy.typing import NDArray

from search.features import Features
from spaces import Architecture, Space
from spaces.moves import mutate, neighbours

Array = NDArray[np.float64]
Price = Callable[[Architecture], tuple[float, ...] | None]

LISTED = 10_000
"""Spaces of up to so many architectures are listed."""
DRAWN, TRIES = 1000, 4000
"""How many are drawn from larger ones, and how often at most."""
MUTATED = 100
"""How many steps from the front are tried for each suggestion."""
REMEMBERED = 256
"""The neighbours of how many architectures are kept at hand."""


@dataclass(frozen=True)
class Pool:
    """Architectures side by side, with a row each of their prices and of their features."""

    keys: Sequence[str]
    architectures: Sequence[Architecture]
    prices: Array
    rows: Array

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each key stands."""
        return {key: place for place, key in enumerate(self.keys)}

    def but(self, known: Iterable[str]) -> NDArray[np.intp]:
        """Return where all stand but those that are known."""
        left = np.ones(len(self.keys), dtype=bool)
        left[[self.places[key] for key in known if key in self.places]] = False
        return np.flatnonzero(left)


class Candidates:
    """The architectures of a space that have a price: what may not be trained has none."""

    def __init__(self, space: Space, price: Price, seed: int) -> None:
        self.space = space
        self.seed = seed
        self.features = Features(space.labels)
        self._price = price
        self._is_listed = space.size <= LISTED
        self._beside = lru_cache(REMEMBERED)(self._neighbours)

    @cached_property
    def everywhere(self) -> Pool:
        """All of them, or as many as have been drawn: the same for each seed."""
        if self._is_listed:
            return self._pool(self.space)
        random = Random(f"{self.seed} candidates")
        return self._pool((self.space.draw(random) for _ in range(TRIES)), DRAWN)

    def near(self, parents: Sequence[Architecture], random: Random) -> Pool:
        """Return what is a step or two from some architectures; a listed space holds it already."""
        return self._pool([] if self._is_listed or not parents else self._steps(parents, random))

    def beside(self, architecture: Architecture) -> Pool:
        """Return all neighbours of an architecture; a listed space holds them already."""
        return self._pool([]) if self._is_listed else self._beside(architecture)

    def _neighbours(self, architecture: Architecture) -> Pool:
        return self._pool(neighbours(self.space, architecture))

    def _steps(self, parents: Sequence[Architecture], random: Random) -> Iterator[Architecture]:
        for _ in range(MUTATED // 2):
            once = mutate(self.space, random.choice(parents), random)
            yield from (once, mutate(self.space, once, random))

    def _pool(self, architectures: Iterable[Architecture], most: int | None = None) -> Pool:
        kept = list(islice(self._priced(architectures), most))
        return Pool(
            [key for key, _, _ in kept],
            [architecture for _, architecture, _ in kept],
            np.array([prices for _, _, prices in kept]),
            np.array([self.features(architecture.choices) for _, architecture, _ in kept]),
        )

    def _priced(
        self, architectures: Iterable[Architecture]
    ) -> Iterator[tuple[str, Architecture, tuple[float, ...]]]:
        seen: set[str] = set()
        for architecture in architectures:
            key = architecture.key
            if key not in seen and (prices := self._price(architecture)) is not None:
                yield key, architecture, prices
            seen.add(key)
