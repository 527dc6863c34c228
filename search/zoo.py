"""List the modules that come with the package."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

import modules
from trials.count import Counter
from trials.probe import REFUSALS, reason

WIDTHS = (64, 256)
ODD_WIDTH = 24
SIDE = 32
"""The side of the map that a module's price is told for in the documentation's table."""


def zoo() -> Iterator[tuple[str, ...]]:
    """Yield each module's name, site, parameters at two widths, paper and constraints."""
    yield ("module", "site", *(f"params at {width}" for width in WIDTHS), "paper", "constraints")
    for name, module in placed():
        counts = (parameters(module, width) for width in WIDTHS)
        yield (name, module.site, *counts, paper(module), "; ".join(constraints(module)))


def placed() -> Iterator[tuple[str, Any]]:
    """Yield the modules that have a site, by name."""
    for name in sorted(modules.__all__, key=str.lower):
        module = getattr(modules, name)
        if inspect.isclass(module) and hasattr(module, "site"):
            yield name, module


def markdown() -> Iterator[str]:
    """Yield the lines of the documentation's table."""
    width = WIDTHS[-1]
    yield "# The zoo"
    yield ""
    yield f"Parameters and multiply-accumulates at {width} channels, on one {SIDE}x{SIDE} map."
    yield "`search zoo --markdown` prints this page."
    yield ""
    yield "| module | paper | site | parameters | MACs | constraints |"
    yield "| --- | --- | --- | ---: | ---: | --- |"
    for name, module in placed():
        cells = (
            f"`{name}`",
            cited(module),
            module.site,
            parameters(module, width),
            macs(module, width),
            "; ".join(constraints(module)),
        )
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def macs(module: Any, width: int) -> str:
    """Count a module's multiply-accumulates at a width; a dash where it takes no such width."""
    try:
        with torch.no_grad(), Counter() as counter:
            run(built(module, width), module.site, width, SIDE)
        return f"{counter.macs:,}"
    except REFUSALS:
        return "-"


def run(made: nn.Module, site: str, width: int, side: int) -> None:
    """Run a module on empty maps, two of them where it fuses."""
    x = torch.empty(1, getattr(made, "channels", width), side, side, device="meta")
    made(*[x] * (2 if site == "fuse" else 1))


def cited(module: Any) -> str:
    """Return a module's paper as a link."""
    file = inspect.getmodule(module)
    said = " ".join((inspect.getdoc(file) or "").split()) if file else ""
    link = re.search(r"https?://\S+?(?=\.?(?:\s|$))", said)
    title = re.sub(r",? *https?://.*", "", paper(module)).rstrip(".")
    return f"[{title}]({link[0]})" if link else title


def parameters(module: Any, width: int) -> str:
    """Count a module's parameters at a width; a dash where it takes no such width."""
    try:
        return f"{sum(parameter.numel() for parameter in built(module, width).parameters()):,}"
    except REFUSALS:
        return "-"


def built(module: Any, width: int) -> nn.Module:
    """Build a module without values."""
    with torch.device("meta"):
        made: nn.Module = module() if module.site == "act" else module(width)
    return made.eval()


def constraints(module: Any) -> Iterator[str]:
    """Yield what a module says to an odd width and to the smallest map."""
    try:
        built(module, ODD_WIDTH)
    except REFUSALS as error:
        yield reason(error)
    try:
        run(built(module, 128), module.site, 128, 1)
    except REFUSALS as error:
        yield reason(error)


def paper(module: Any) -> str:
    """Return the first line of the file a module stands in."""
    file = inspect.getmodule(module)
    return (inspect.getdoc(file) or "").splitlines()[0] if file else ""
