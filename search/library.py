"""The one library that an exported file may import: the one whose network is grafted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

LIBRARIES = ("torchvision", "timm")
LOADING = ("weights", "weights_backbone", "pretrained")
"""Arguments that load what the state of a trained network has already."""


def library_of(network: partial[Any]) -> str:
    """Return the library of the network that another is built on; empty where there is none."""
    held = network.keywords.get("network")
    function = held.func if isinstance(held, partial) else held
    root = (getattr(function, "__module__", None) or "").partition(".")[0]
    return root if root in LIBRARIES else ""


def unloaded(network: Any) -> Any:
    """Return the call of a library's network without what it would load."""
    if not isinstance(network, partial):
        return network
    kept = {name: value for name, value in network.keywords.items() if name not in LOADING}
    return partial(network.func, *network.args, **kept)


def public(function: Callable[..., object]) -> str:
    """Return the shortest module of a library that offers a function by its name."""
    module = found = function.__module__
    while module:
        if getattr(sys.modules.get(module), function.__name__, None) is function:
            found = module
        module = module.rpartition(".")[0]
    return found
