"""How an option gets its name, and the error of whoever writes a space."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial

Label = None | bool | int | float | str


class SpaceError(Exception):
    """What a space file or a set of labels gets wrong, in one line."""


def labelled(
    options: Sequence[object], named: Mapping[str, object]
) -> tuple[tuple[Label, object], ...]:
    """Pair every option with its name, and refuse two of one name."""
    pairs = [(label_of(option), option) for option in options] + list(named.items())
    if not pairs:
        raise SpaceError("a choice needs at least one option")
    seen: set[Label] = set()
    for label, _ in pairs:
        if label in seen or str(label) in seen:
            raise SpaceError(
                f"two options are both called {label!r}; name them: choice(small=..., large=...)"
            )
        seen |= {label, str(label)}
    return tuple(pairs)


def label_of(option: object) -> Label:
    """Return the name an option gives itself."""
    if option is None or isinstance(option, bool):
        return option
    if isinstance(option, int):
        return int(option)
    if isinstance(option, str):
        return str(option)
    if isinstance(option, float) and math.isfinite(option):
        return float(option)
    if isinstance(option, partial):
        return label_of(option.func)
    if type(option) is tuple:
        return f"({', '.join(str(label_of(item)) for item in option)})"
    name = getattr(option, "__name__", None)
    if callable(option) and isinstance(name, str) and name.isidentifier():
        return name
    text = repr(option)
    shown = text if len(text) <= 60 and "\n" not in text else f"of type {type(option).__name__}"
    raise SpaceError(f"cannot name the option {shown}; name it: choice(small=...)")


def near(name: str, names: Iterable[str]) -> str:
    """Return '; did you mean …?' for the closest name, or nothing."""
    close = get_close_matches(name, list(names), 1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
