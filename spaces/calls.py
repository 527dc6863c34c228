"""Which arguments a deferred call may name: a misspelt one is refused before anything is built."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import get_args, get_type_hints

from spaces.labels import SpaceError, near


def check_call(function: Callable[..., object], named: Iterable[str], path: str) -> None:
    """Refuse an argument that the function does not take."""
    names = keywords_of(function)
    for name in named:
        if names is not None and name not in names:
            where = f"{path}: " if path else ""
            called = getattr(function, "__name__", repr(function))
            raise SpaceError(f"{where}{called} has no argument {name!r}{near(name, names)}")


def keywords_of(function: Callable[..., object]) -> list[str] | None:
    """Return the keywords a callable takes, or None where it takes any or does not say."""
    try:
        parameters = inspect.signature(function).parameters.values()
        hints = get_type_hints(inspect.unwrap(function))
    except (TypeError, ValueError, NameError):
        return None
    names = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            unpacked = get_args(hints.get(parameter.name))
            if not unpacked:
                return None
            names += list(get_type_hints(unpacked[0]))
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            names.append(parameter.name)
    return names
