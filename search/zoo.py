"""List the modules that come with the package."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

import modules
from trials.probe import REFUSALS, reason

WIDTHS = (64, 256)
ODD_WIDTH = 24


def zoo() -> Iterator[tuple[str, ...]]:
    """Yield each module's name, site, parameters at two widths, paper and constraints."""
    yield ("module", "site", *(f"params at {width}" for width in WIDTHS), "paper", "constraints")
    for name in sorted(modules.__all__, key=str.lower):
        module = getattr(modules, name)
        if inspect.isclass(module) and hasattr(module, "site"):
            counts = (parameters(module, width) for width in WIDTHS)
            yield (name, module.site, *counts, paper(module), "; ".join(constraints(module)))


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
        made = built(module, 128)
        x = torch.empty(1, getattr(made, "channels", 128), 1, 1, device="meta")
        made(*[x] * (2 if module.site == "fuse" else 1))
    except REFUSALS as error:
        yield reason(error)


def paper(module: Any) -> str:
    """Return the first line of the file a module stands in."""
    file = inspect.getmodule(module)
    return (inspect.getdoc(file) or "").splitlines()[0] if file else ""
