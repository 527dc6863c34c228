"""What a sampler may choose from: all of a small space, of a large one draws and what is near."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from random import Random

from spaces import Architecture, Space
from spaces.labels import Label
from spaces.moves import mutate, neighbours

LISTED = 10_000
"""Spaces of up to so many architectures are listed."""
DRAWN, TRIES = 1000, 4000
"""How many are drawn from larger ones, and how often at most."""
MUTATED = 200
"""How many steps from the front are tried for each suggestion."""

Price = Callable[[Architecture], tuple[float, ...] | None]


@dataclass(frozen=True)
class Candidate:
    """An architecture that may be trained, with what it costs by each price."""

    architecture: Architecture
    prices: tuple[float, ...]

    @property
    def choices(self) -> Mapping[str, Label]:
        """The labels of the architecture."""
        return self.architecture.choices

    @property
    def key(self) -> str:
        """The key of the architecture."""
        return self.architecture.key


class Candidates:
    """The architectures of a space that have a price: what may not be trained has none."""

    def __init__(self, space: Space, price: Price, seed: int) -> None:
        self.space = space
        self.seed = seed
        self._price = price
        self._is_listed = space.size <= LISTED

    @cached_property
    def everywhere(self) -> dict[str, Candidate]:
        """All of them by their keys, or as many as have been drawn, the same for each seed."""
        if self._is_listed:
            return self._priced(self.space)
        random = Random(f"{self.seed} candidates")
        drawn = (self.space.draw(random) for _ in range(TRIES))
        return dict(islice(self._pairs(drawn), DRAWN))

    def near(self, parents: list[Architecture], random: Random) -> dict[str, Candidate]:
        """Return what is a step or two from some architectures; a listed space holds it already."""
        if self._is_listed or not parents:
            return {}
        return self._priced(self._steps(parents, random))

    def beside(self, candidates: Iterable[Candidate]) -> dict[str, Candidate]:
        """Return all neighbours of some candidates."""
        if self._is_listed:
            return {}
        steps = (neighbours(self.space, one.architecture) for one in candidates)
        return self._priced(other for found in steps for other in found)

    def _steps(self, parents: list[Architecture], random: Random) -> Iterator[Architecture]:
        for _ in range(MUTATED // 2):
            once = mutate(self.space, random.choice(parents), random)
            yield once
            yield mutate(self.space, once, random)

    def _priced(self, architectures: Iterable[Architecture]) -> dict[str, Candidate]:
        return dict(self._pairs(architectures))

    def _pairs(self, architectures: Iterable[Architecture]) -> Iterator[tuple[str, Candidate]]:
        seen: set[str] = set()
        for architecture in architectures:
            key = architecture.key
            if key in seen:
                continue
            seen.add(key)
            if (prices := self._price(architecture)) is not None:
                yield key, Candidate(architecture, prices)
