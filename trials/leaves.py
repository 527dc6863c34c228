"""A deferred call taken apart: what stands at its places, and what tells two calls apart."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Container, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Mark:
    """Stands in a plan for the factory at one leaf; a plan hands factories on, uncalled."""

    leaf: int

    def __call__(self, *args: object, **named: object) -> nn.Module:
        """Say that this plan looks into its factories."""
        raise PeekedError


class PeekedError(Exception):
    """A plan used a factory itself instead of handing it on."""


PLACE = object()


class Taken:
    """A call's leaves in order, with their paths and tokens; lists and mappings are taken apart.

    Calls of one `form` differ only in what stands at their places: the leaves that hold factories,
    and the empty ones that `fillable` names by path. It is told whether an empty one is a place;
    `untold` are those of which it is not known.
    """

    def __init__(self, network: Callable[..., Any], fillable: Mapping[str, bool]) -> None:
        self.call = network if isinstance(network, partial) else partial(network)
        self.paths: list[str] = []
        self.values: list[Any] = []
        self.tokens: list[Hashable] = []
        self.untold: list[int] = []
        self.places: set[int] = set()
        self._fillable = fillable
        args = [self._take(value, str(index)) for index, value in enumerate(self.call.args)]
        named = [(name, self._take(value, name)) for name, value in self.call.keywords.items()]
        self.form = (token(self.call.func), *args, *named)

    def _take(self, value: Any, path: str) -> Hashable:
        kind = type(value)
        if kind is list or kind is tuple:
            items = [self._take(item, f"{path}.{index}") for index, item in enumerate(value)]
            return (kind, *items)
        if kind is dict:
            held = [(key, self._take(item, f"{path}.{key}")) for key, item in value.items()]
            return (kind, *held)
        leaf = len(self.paths)
        own = token(value)
        self.paths.append(path)
        self.values.append(value)
        self.tokens.append(own)
        if value is None and path not in self._fillable:
            self.untold.append(leaf)
        if callable(value) or (value is None and self._fillable.get(path)):
            self.places.add(leaf)
            return PLACE
        return own

    def marked(self, leaves: Container[int]) -> partial[Any]:
        """Return the call with a mark at each of these leaves."""
        count = itertools.count()

        def mark(value: Any) -> Any:
            kind = type(value)
            if kind is list or kind is tuple:
                return kind([mark(item) for item in value])
            if kind is dict:
                return {key: mark(item) for key, item in value.items()}
            leaf = next(count)
            return Mark(leaf) if leaf in leaves else value

        args = [mark(value) for value in self.call.args]
        named = {name: mark(value) for name, value in self.call.keywords.items()}
        return partial(self.call.func, *args, **named)

    def filled(self, part: Any, fill: Callable[[str, Any], Any] | None = None) -> Any:
        """Put in place of each mark what stands at its leaf, or what is made of path and value."""

        def at(value: Any) -> Any:
            if type(value) is not Mark:
                return value
            held = self.values[value.leaf]
            return fill(self.paths[value.leaf], held) if fill else held

        return replaced(part, at)


def replaced(value: Any, substitute: Callable[[Any], Any]) -> Any:
    """Rebuild a deferred call, list or mapping with its innermost values substituted."""
    if isinstance(value, partial):
        args = [replaced(item, substitute) for item in value.args]
        named = {key: replaced(item, substitute) for key, item in value.keywords.items()}
        return partial(replaced(value.func, substitute), *args, **named)
    if isinstance(value, tuple):
        items = [replaced(item, substitute) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [replaced(item, substitute) for item in value]
    if isinstance(value, dict):
        return {key: replaced(item, substitute) for key, item in value.items()}
    return substitute(value)


def inside(value: Any) -> Iterator[Any]:
    """Yield the innermost values of deferred calls, lists and mappings."""
    if isinstance(value, partial):
        yield from inside((value.func, value.args, value.keywords))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from inside(item)
    elif isinstance(value, dict):
        yield from inside(list(value.values()))
    else:
        yield value


ITSELF = {int, str, type(None), type, FunctionType}
UNLIKE_INTEGERS = {bool, float}
"""Numbers of these types may equal a whole number and mean something else."""


def token(value: Any) -> Hashable:
    """Return what tells one resolved value from another."""
    kind = type(value)
    if kind in ITSELF:
        return value  # type: ignore[no-any-return]
    if kind is partial:
        return (token(value.func), token(value.args), token(value.keywords))
    if kind in UNLIKE_INTEGERS:
        return (kind, value)
    if isinstance(value, dict):
        return (dict, *[(key, token(item)) for key, item in value.items()])
    if isinstance(value, list | tuple):
        common = list if isinstance(value, list) else tuple
        return (kind if hasattr(kind, "_fields") else common, *map(token, value))
    is_comparable = isinstance(value, Hashable) and not isinstance(value, Tensor)
    return value if is_comparable else Itself(value)


@dataclass(frozen=True, eq=False)
class Itself:
    """A value that is equal to nothing else, kept so that its identity is not given away."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Itself) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)
