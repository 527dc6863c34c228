"""A planned network written out as one class, block by block."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, takewhile

from torch import nn

from search.expression import Expressions, literal
from search.layout import Bracketed, Piece, broken, laid_out, prefixed
from spaces import SpaceError

FOLDED = 3
"""How many equal blocks in a row are written as a loop."""

UNTOLD = ("partial", "None", "True", "False")
"""Words of an expression that do not tell it from others."""


@dataclass(frozen=True)
class Part:
    """The call that builds one part of a network, and the names of its arguments."""

    name: str
    call: Bracketed
    arguments: tuple[str, ...]


def planned_parts(plan: Mapping[str, Callable[[], object]], write: Expressions) -> list[Part]:
    """Write the call of each part of a plan."""
    parts = []
    for name, deferred in plan.items():
        held = deferred if isinstance(deferred, partial) else partial(deferred)
        call = write.call(held.func, held.args, held.keywords, name)
        parts.append(Part(name, call, tuple(inspect.signature(held.func).parameters)))
    return parts


def constructor(parts: Sequence[Part], indent: int) -> list[str]:
    """Return the lines that give a network its parts; what they share is named first."""
    names = shared(parts)
    lines = []
    for raw, name in names.items():
        lines += laid_out(prefixed(f"{name} = ", substituted(raw, names, whole=False)), indent)
    for stage, blocks in groupby(parts, key=lambda part: part.name.partition(".")[0]):
        held = [
            (part.name.partition(".")[2], substituted(part.call, names, whole=False))
            for part in blocks
        ]
        lines += stage_lines(stage, held, indent)
    return lines


def stage_lines(stage: str, blocks: Sequence[tuple[str, Piece]], indent: int) -> list[str]:
    """Return the lines of one stage: its numbered blocks in a sequence, what is named added."""
    if not stage.isidentifier() or hasattr(nn.Sequential, stage):
        raise SpaceError(f"the plan has a part {stage!r}, which is no name for an attribute")
    if not blocks[0][0]:
        return laid_out(prefixed(f"self.{stage} = ", blocks[0][1]), indent)
    places = enumerate(name for name, _ in blocks)
    count = len(list(takewhile(lambda held: held[1] == str(held[0]), places)))
    numbered = tuple(folded(block for _, block in blocks[:count]))
    sequence = Bracketed("nn.Sequential(", numbered, prefix=f"self.{stage} = ")
    lines = broken(sequence, indent) if len(numbered) > 1 else laid_out(sequence, indent)
    for name, block in blocks[count:]:
        added = Bracketed(f"self.{stage}.add_module(", (literal(name), block))
        lines += laid_out(added, indent)
    return lines


def folded(blocks: Iterable[Piece]) -> Iterator[Piece]:
    """Yield blocks, many equal ones in a row as one comprehension."""
    for block, equal in groupby(blocks):
        count = len(list(equal))
        if count < FOLDED:
            yield from [block] * count
        else:
            yield Bracketed("*[", (block, f"for _ in range({count})"), "]", separator="")


def shared(parts: Sequence[Part]) -> dict[Bracketed, str]:
    """Name the arguments that several parts have in common, the simplest first.

    An argument's own name does for the only one; several are told apart by what they hold.
    """
    places: dict[Bracketed, str] = {}
    counts: Counter[Bracketed] = Counter()
    for part in parts:
        for place, item in enumerate(part.call.items):
            if isinstance(item, Bracketed) and item.open.rstrip("("):
                raw = replace(item, prefix="")
                counts[raw] += 1
                places.setdefault(raw, item.prefix.rstrip("=") or part.arguments[place])
    often = [raw for raw in places if counts[raw] > 1]
    alone = Counter(places[raw] for raw in often)
    taken = {word for part in parts for word in re.findall(r"\b\w+\b(?!=)", str(part.call))}
    names: dict[Bracketed, str] = {}
    for raw in sorted(often, key=lambda raw: str(raw).count("(")):
        held = [] if alone[places[raw]] == 1 else contents(raw)
        name = base = "_".join([places[raw], *held])
        number = 1
        while name in taken or name in names.values():
            number += 1
            name = f"{base}_{number}"
        names[raw] = name
    return names


def contents(raw: Bracketed) -> list[str]:
    """Return the names and numbers an expression is made with, as parts of a variable's name."""
    inside = ", ".join(map(str, raw.items))
    held = [word for word in re.findall(r"\b\w+\b(?![=.])", inside) if word not in UNTOLD]
    return [re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", word).lower() for word in held]


def substituted(piece: Piece, names: Mapping[Bracketed, str], whole: bool = True) -> Piece:
    """Put the names of what is shared into an expression, or only inside it."""
    if isinstance(piece, str):
        return piece
    if whole and (name := names.get(replace(piece, prefix=""))):
        return piece.prefix + name
    return replace(piece, items=tuple(substituted(item, names) for item in piece.items))
