"""List the places of a network that somebody else wrote, and what patterns hit there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from modules.graft import Hit, check_apart
from modules.places import Place, Trace, traced
from search.space_file import run
from spaces import SpaceError
from spaces.labels import near

IMAGE = (3, 224, 224)


def sites(given: str, patterns: Sequence[str], image: tuple[int, int, int] | None = None) -> str:
    """Return what `search show --sites` prints: places by pattern, or those that are hit."""
    trace = trace_of(given, image or IMAGE)
    return "\n".join(hits(trace, patterns) if patterns else overview(trace))


def as_json(given: str, patterns: Sequence[str], image: tuple[int, int, int] | None = None) -> str:
    """Return the same as one document: every place, or those that are hit."""
    trace = trace_of(given, image or IMAGE)
    places = [one.place for one in found(trace, patterns)] if patterns else trace.places
    document = {
        "network": given,
        "places": [
            {"name": place.name, "kind": place.kind, "also": place.names[1:], **figures(place)}
            for place in places
        ],
    }
    return json.dumps(document, indent=1)


def figures(place: Place) -> dict[str, object]:
    """Return the channels and the map of a place, or why no module can stand after it."""
    try:
        return {"channels": place.channels, "map": list(place.calls[0].made[2:])}
    except ValueError as error:
        return {"refusal": str(error)}


def trace_of(given: str, image: tuple[int, int, int]) -> Trace:
    """Find the places of the network that a name stands for."""
    try:
        return traced(network_of(given), image)
    except (ValueError, TypeError) as error:
        raise SpaceError(f"{given}: {error}") from None


def network_of(given: str) -> Callable[..., nn.Module]:
    """Return the function that `torchvision.models.resnet50` or `mine.py:network` names."""
    file, _, name = given.rpartition(":")
    if file:
        if not Path(file).is_file():
            raise SpaceError(f"there is no file {file!r}")
        return function(run(Path(file)), name, given)
    module, _, name = given.rpartition(".")
    if not module:
        raise SpaceError(f"{given!r} names no network; write torchvision.models.{given}")
    try:
        return function(import_module(module), name, given)
    except ImportError as error:
        raise SpaceError(f"{given}: {error}") from None


def function(module: Any, name: str, given: str) -> Callable[..., nn.Module]:
    """Return a function of a module."""
    held = getattr(module, name, None)
    if callable(held) and not isinstance(held, nn.Module):
        return held  # type: ignore[no-any-return]
    callables = [key for key, value in vars(module).items() if callable(value)]
    kind = type(held).__name__
    fact = "is not there" if held is None else f"is a {kind}, no function that builds a network"
    raise SpaceError(f"{given}: {name} {fact}{near(name, callables)}")


def found(trace: Trace, patterns: Sequence[str]) -> list[Hit]:
    """Return what patterns hit together, as if a module came after each place."""
    try:
        held = [
            Hit(p, pattern, nn.Identity, True) for pattern in patterns for p in trace.hit(pattern)
        ]
        check_apart(held)
    except ValueError as error:
        raise SpaceError(str(error)) from None
    return held


def hits(trace: Trace, patterns: Sequence[str]) -> Iterator[str]:
    """Yield every place that is hit."""
    held = found(trace, patterns)
    names = max(len(one.place.name) for one in held)
    kinds = max(len(one.place.kind) for one in held)
    for one in held:
        yield f"{one.place.name:{names}}  {one.place.kind:{kinds}}  {map_of(one.place)}"
    able = sum("refusal" not in figures(one.place) for one in held)
    count = f"{len(held)} place{'s' if len(held) > 1 else ''}"
    yield f"{', '.join(map(repr, patterns))}: {count}, {able} can have a module after them"


def map_of(place: Place) -> str:
    """Write the map that a place hands on, and its other names."""
    known = figures(place)
    also = f"; also {', '.join(place.names[1:])}" if place.names[1:] else ""
    if "refusal" in known:
        return f"{known['refusal']}{also}"
    _, channels, height, width = place.calls[0].made
    return f"{channels} x {height} x {width}{also}"


def overview(trace: Trace) -> Iterator[str]:
    """Yield patterns of places after which a module can stand, like ones in one line."""
    groups: dict[tuple[str, str], list[Place]] = {}
    for place in trace.places:
        if "refusal" not in figures(place):
            pattern = re.sub(r"(?<=\.)\d+(?=\.|$)", "*", place.name)
            groups.setdefault((pattern, place.kind), []).append(place)
    names = max(len(pattern) for pattern, _ in groups)
    kinds = max(len(kind) for _, kind in groups)
    yield f"{trace.kind}: {len(trace.places)} modules; those that hand on maps, by pattern"
    for (pattern, kind), places in groups.items():
        counts = sorted({place.channels for place in places})
        span = f"{counts[0]} … {counts[-1]}" if len(counts) > 1 else str(counts[0])
        yield f"{pattern:{names}}  {len(places):>3} {kind:{kinds}}  {span} channels"
    yield f"ends with {', '.join(trace.heads) or 'no layer that could be told'}"
