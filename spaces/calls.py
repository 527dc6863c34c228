"""Which arguments a deferred call may name: a misspelt one is refused before anything is built."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import get_args, get_type_hints

from spaces.labels import SpaceError, near


def check_call(
    function: object, args: Sequence[object], named: Mapping[str, object], path: str
) -> None:
    """Refuse arguments that a function does not take; which are missing shows when it is called."""
    where = f"{path}: " if path else ""
    if not callable(function):
        raise SpaceError(f"{where}{function!r} cannot be called; give a class or a function")
    called = name_of(function)
    names = keywords_of(function)
    for name in named:
        if names is not None and name not in names:
            raise SpaceError(f"{where}{called} has no argument {name!r}{near(name, names)}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind_partial(*args, **named)
    except TypeError as error:
        raise SpaceError(f"{where}{called}: {error}") from None


def name_of(function: object) -> str:
    """Return the name of a function, or of what a partial call of it will call."""
    if isinstance(function, partial):
        return name_of(function.func)
    return str(getattr(function, "__name__", repr(function)))


def keywords_of(function: Callable[..., object]) -> list[str] | None:
    """Return the keywords a callable takes, or None where it takes any or does not say."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    names = []
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            unpacked = unpacked_keywords(function, parameter.name)
            if unpacked is None:
                return None
            names += unpacked
        elif parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            names.append(parameter.name)
    return names


def unpacked_keywords(function: Callable[..., object], name: str) -> list[str] | None:
    """Return what `**name: Unpack[Keywords]` lists, or None where the function does not say."""
    if isinstance(function, partial):
        return unpacked_keywords(function.func, name)
    try:
        unpacked = get_args(get_type_hints(inspect.unwrap(function)).get(name))
        return list(get_type_hints(unpacked[0])) if unpacked else None
    except (TypeError, NameError, AttributeError):
        return None
