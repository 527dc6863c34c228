"""Values written as the expressions that make them."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from search.layout import Bracketed, Piece, prefixed
from search.library import public
from search.sources import Import, is_outside
from spaces import SpaceError
from spaces.ties import alike

SHORT = (
    (Import("torch", "nn", "nn"), nn),
    (Import("torch.nn", "functional", "F"), F),
    (Import("torch", "", "torch"), torch),
)
"""How a person imports what is torch's."""


class Classes(int):
    """A number of classes that can be told from other numbers wherever a plan hands it on."""


class Expressions:
    """Writes values; `imports` and `definitions` are what these expressions refer to.

    What is of `library` is imported; any other library's is a definition that cannot be written.
    """

    def __init__(self, library: str = "") -> None:
        self.library = library
        self.imports: set[Import] = set()
        self.definitions: set[tuple[str, str]] = set()

    def value(self, value: object, path: str) -> Piece:
        """Write a value; `path` is where it stands, for whoever has to change it."""
        if isinstance(value, Classes):
            return "num_classes"
        if value is None or isinstance(value, bool | int | str):
            return literal(value)
        if isinstance(value, float):
            return literal(value) if math.isfinite(value) else f'float("{value}")'
        if isinstance(value, torch.dtype):
            self.imports.add(Import("torch", "", "torch"))
            return str(value)
        if isinstance(value, partial):
            return self.deferred(value, path)
        if isinstance(value, tuple) and hasattr(value, "_asdict"):
            return self.call(type(value), (), value._asdict(), path)
        if is_dataclass(value) and not isinstance(value, type):
            held = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
            return self.call(type(value), (), held, path)
        if isinstance(value, list | tuple):
            items = tuple(self.value(item, f"{path}.{place}") for place, item in enumerate(value))
            if isinstance(value, list):
                return Bracketed("[", items, "]")
            return Bracketed("(", items, ",)" if len(items) == 1 else ")")
        if isinstance(value, Mapping):
            pairs = (
                (literal(key), self.value(held, f"{path}.{key}")) for key, held in value.items()
            )
            return Bracketed("{", tuple(prefixed(f"{key}: ", held) for key, held in pairs), "}")
        return self.reference(value, path)

    def deferred(self, value: partial[object], path: str) -> Piece:
        """Write a deferred call, or what it defers where no argument differs from its default."""
        call = self.call(value.func, value.args, value.keywords, path, keep=True)
        if not call.items:
            return call.open[:-1]
        self.imports.add(Import("functools", "partial", "partial"))
        return Bracketed("partial(", (call.open[:-1], *call.items))

    def call(
        self,
        function: Callable[..., object],
        args: Sequence[object],
        named: Mapping[str, object],
        path: str,
        keep: bool = False,
    ) -> Bracketed:
        """Write a call without the arguments that equal their defaults.

        `keep` the positional ones where others may follow.
        """
        defaults = defaults_of(function)
        names = list(defaults)
        args = list(args)
        while args and not keep and alike(defaults.get(nth(names, len(args) - 1)), [args[-1]]):
            args.pop()
        items = [self.value(arg, f"{path}.{nth(names, i) or i}") for i, arg in enumerate(args)]
        items += [
            prefixed(f"{name}=", self.value(value, f"{path}.{name}".strip(".")))
            for name, value in named.items()
            if not alike(defaults.get(name), [value])
        ]
        return Bracketed(f"{self.reference(function, path)}(", tuple(items))

    def reference(self, value: object, path: str) -> str:
        """Write the name of a class or a function, and say what is none that can be written."""
        short = getattr(value, "__name__", "")
        for held, namespace in SHORT:
            if short and getattr(namespace, short, None) is value:
                self.imports.add(held)
                return f"{held.bound}.{short}"
        name = getattr(value, "__qualname__", "") or short
        module = getattr(value, "__module__", None) or ""
        if isinstance(value, nn.Module) or not callable(value) or not name or not module:
            raise SpaceError(unwritable(value, path))
        if "<" in name:
            kind = "a lambda" if "<lambda>" in name else f"{name}, defined inside a function"
            raise SpaceError(f"{path} is {kind}; define it with a name at the top of its file")
        root = name.partition(".")[0]
        found: object = sys.modules.get(module)
        for step in name.split("."):
            found = getattr(found, step, None)
        if found != value:
            raise SpaceError(f"{path} is {name} of {module}, where something else has this name")
        if self.library and module.partition(".")[0] == self.library:
            self.imports.add(Import(public(value), root, root))
        elif is_outside(module):
            if module != "builtins":
                self.imports.add(Import(module, root, root))
        else:
            self.definitions.add((module, root))
        return name


def unwritable(value: object, path: str) -> str:
    """Say why a value cannot be written, and what can be."""
    kind = type(value).__name__
    if isinstance(value, nn.Module):
        return f"{path} is a {kind} that is built already; defer it: partial({kind}, ...)"
    return (
        f"{path} is a {kind}; what can be written are numbers, strings, None, tuples, lists, "
        "dicts, dataclasses, and classes and functions with their arguments"
    )


def literal(value: object) -> str:
    """Write a plain value, a string in double quotes where it has none inside."""
    text = repr(value)
    return f'"{text[1:-1]}"' if text.startswith("'") and '"' not in text else text


def defaults_of(function: Callable[..., object]) -> dict[str, list[object]]:
    """Return the arguments of a function in order, each with a list of its default or of none."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {
        parameter.name: [] if parameter.default is parameter.empty else [parameter.default]
        for parameter in parameters
    }


def nth(names: Sequence[str], place: int) -> str:
    """Return the name at a place, or nothing past the end."""
    return names[place] if place < len(names) else ""
