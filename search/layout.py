"""Lines of code as a formatter sets them: in one line where there is room, else an item a line."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace

from search.sources import Import

WIDTH = 100
STEP = 4


@dataclass(frozen=True)
class Bracketed:
    """An expression that can be broken: what opens it, its items, what closes it."""

    open: str
    items: tuple[Piece, ...]
    close: str = ")"
    separator: str = ","
    prefix: str = ""

    def __str__(self) -> str:
        items = f"{self.separator} ".join(map(str, self.items))
        return f"{self.prefix}{self.open}{items}{self.close}"


Piece = str | Bracketed


def prefixed(prefix: str, piece: Piece) -> Piece:
    """Put something in front of an expression."""
    return prefix + piece if isinstance(piece, str) else replace(piece, prefix=prefix)


def laid_out(piece: Piece, indent: int, tail: str = "") -> list[str]:
    """Set an expression into one line if it fits, else broken."""
    line = " " * indent + str(piece) + tail
    return [line] if len(line) <= WIDTH or isinstance(piece, str) else broken(piece, indent, tail)


def broken(piece: Bracketed, indent: int, tail: str = "") -> list[str]:
    """Set each item of an expression on a line of its own."""
    margin = " " * indent
    lines = [margin + piece.prefix + piece.open]
    for item in piece.items:
        lines += laid_out(item, indent + STEP, piece.separator)
    return [*lines, margin + piece.close.lstrip(",") + tail]


def import_block(imports: Iterable[Import]) -> str:
    """Set imports as sorters do: the standard library, then the rest; modules, then names."""
    blocks: dict[bool, list[str]] = {}
    for is_standard in (True, False):
        held = [
            one
            for one in imports
            if (one.module.partition(".")[0] in sys.stdlib_module_names) == is_standard
        ]
        lines = sorted(import_line(one) for one in held if not one.name)
        for module in sorted({one.module for one in held if one.name}):
            named = [one for one in held if one.name and one.module == module]
            lines += from_lines(module, sorted(named, key=by_kind))
        blocks[is_standard] = lines
    return "\n\n".join("\n".join(lines) for lines in blocks.values() if lines)


def import_line(held: Import) -> str:
    """Return the import of a module."""
    plain = held.bound == held.module.partition(".")[0]
    return f"import {held.module}" if plain else f"import {held.module} as {held.bound}"


def from_lines(module: str, named: list[Import]) -> list[str]:
    """Return the imports of a module's names; one under another name stands alone."""
    plain = tuple(held.name for held in named if held.name == held.bound)
    renamed = [held for held in named if held.name != held.bound]
    lines = [f"from {module} import {', '.join(plain)}"] if plain else []
    if lines and len(lines[0]) > WIDTH:
        lines = broken(Bracketed(f"from {module} import (", plain), 0)
    return lines + [f"from {module} import {held.name} as {held.bound}" for held in renamed]


def by_kind(held: Import) -> tuple[int, str]:
    """Order names as sorters do: constants, classes, the rest."""
    kind = 0 if held.name.isupper() and len(held.name) > 1 else 1 if held.name[0].isupper() else 2
    return kind, held.name
