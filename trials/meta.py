"""Passes through a network in which nothing is computed: shapes are all that counting needs.

Initialisation, convolutions, evaluated batch norms, means, sums and products are most of what a
network does on the meta device; going round torch's Python kernels there makes a pass several
times as fast. For profilers that want real tensors the same is done on the CPU, with zeros.
"""

from __future__ import annotations

import copy
import gc
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import init
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors
from torch.utils._python_dispatch import TorchDispatchMode

from trials.shapes import convolved

aten = torch.ops.aten
FILLS = {
    *(Tensor.fill_, Tensor.zero_, Tensor.normal_, Tensor.uniform_, Tensor.erfinv_, Tensor.clamp_),
    *(init.uniform_, init.normal_, init.constant_, init.kaiming_uniform_, init.kaiming_normal_),
}
SCALES = {Tensor.mul_, Tensor.add_}


class Unfilled(TorchFunctionMode):
    """Builds on a device; what is on the meta device is left without values."""

    def __init__(self, device: str = "meta") -> None:
        super().__init__()
        self.device = device

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Say where a tensor is made, and skip what would only fill it."""
        named = kwargs or {}
        if func in FILLS and (tensor := args[0] if args else named["tensor"]).is_meta:
            return tensor
        if func in SCALES and args[0].is_meta and not isinstance(args[-1], Tensor):
            return args[0]
        if named.get("device") is None and func in _device_constructors():
            named = {**named, "device": self.device}
        return func(*args, **named)


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
    """Return a network built on the meta device, or a copy there of one that was before."""
    if all(tensor.is_meta for tensor in tensors(network)):
        return network
    return copy.deepcopy(network).to("meta")


def tensors(network: nn.Module) -> Iterator[Tensor]:
    """Yield the parameters and buffers of a network, shared ones as often as they stand in it."""
    for module in network.modules():
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                yield tensor


def separate(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network to do with as one likes: it is a copy where building makes no other."""
    first, second = build(), build()
    there = {id(tensor) for tensor in tensors(first)}
    is_shared = first is second or any(id(tensor) in there for tensor in tensors(second))
    return copy.deepcopy(second) if is_shared else second


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage: among a network's thousands of objects it takes a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def needs_values(error: Exception) -> bool:
    """Tell whether an error comes from there being no values on the meta device."""
    return re.search(r"(\b|_)meta\b|\bfake impl\b", str(error), re.IGNORECASE) is not None
