"""Passes through a network in which nothing is computed: shapes are all that counting needs.

Initialisation, convolutions, evaluated batch norms, means, sums and products are most of what a
network does on the meta device; going round torch's Python kernels there makes a pass several
times as fast. For profilers that want real tensors the same is done on the CPU, with zeros.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from trials.shapes import convolved, is_meta, known

aten = torch.ops.aten


class Unfilled(TorchDispatchMode):
    """Leaves what is built inside it on the meta device without values."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # otherwise torch imports its compiler, for a second, only to keep it away from here
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Skip the operator where only values would change."""
        out = known(func, args, kwargs) if is_meta(args) else None
        return func(*args, **(kwargs or {})) if out is None else out


class Uncomputed(TorchDispatchMode):
    """Gives zeros of the right shape for what would cost time.

    The shapes are worked out here: a profiler that patches torch's functions would count them.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # otherwise torch imports its compiler, for a second, only to keep it away from here
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Skip convolutions, matrix products and batch norms."""
        if func is aten.convolution.default and (shape := convolved(*args)):
            return args[0].new_zeros(shape)
        if func is aten.addmm.default:
            return args[1].new_zeros(args[1].shape[0], args[2].shape[1])
        if func is aten.native_batch_norm.default and not args[5]:
            return torch.zeros_like(args[0]), args[0].new_empty(0), args[0].new_empty(0)
        return func(*args, **(kwargs or {}))


def own(network: nn.Module) -> nn.Module:
    """Return a network built on the meta device as it is, and a copy of one there was before."""
    tensors = (*network.parameters(), *network.buffers())
    return network if all(tensor.is_meta for tensor in tensors) else copy.deepcopy(network)


def separate(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network to do with as one likes: it is a copy where building makes no other."""
    first, second = build(), build()
    there = {id(tensor) for tensor in (*first.parameters(), *first.buffers())}
    tensors = (*second.parameters(), *second.buffers())
    is_shared = first is second or any(id(tensor) in there for tensor in tensors)
    return copy.deepcopy(second) if is_shared else second


def needs_values(error: Exception) -> bool:
    """Tell whether an error comes from there being no values on the meta device."""
    return re.search(r"(\b|_)meta\b|\bfake impl\b", str(error), re.IGNORECASE) is not None
