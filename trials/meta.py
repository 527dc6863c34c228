"""Passes through a network in which nothing is computed: shapes are all that counting needs.

Initialisation, in-place arithmetic, evaluated batch norms and sums of equal shapes are most of what
a network does on the meta device; going round torch's Python kernels there makes a pass twice as
fast. For profilers that want real tensors the same is done on the CPU, with zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
ELEMENTWISE = {aten.add.Tensor, aten.mul.Tensor, aten.sub.Tensor, aten.sigmoid.default}
FILLS = {aten.fill_.Scalar, aten.zero_.default, aten.normal_.default, aten.uniform_.default}


class Unfilled(TorchDispatchMode):
    """Leaves what is built inside it on the meta device without values."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Skip the operator where only values would change."""
        out = known(func, args) if is_meta(args) else None
        return func(*args, **(kwargs or {})) if out is None else out


class Uncomputed(TorchDispatchMode):
    """Gives zeros of the right shape for what would cost time.

    The shapes are worked out here: a profiler that patches torch's functions would count them.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Skip convolutions, matrix products and batch norms."""
        if func is aten.convolution.default and not args[6]:
            return args[0].new_zeros(convolved(*args[:6]))
        if func is aten.addmm.default:
            return args[1].new_zeros(args[1].shape[0], args[2].shape[1])
        if func is aten.native_batch_norm.default:
            return known(func, args)
        return func(*args, **(kwargs or {}))


def hollow(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network on the CPU with zeros for weights; values cost time and count nothing."""
    try:
        with torch.device("meta"), Unfilled():
            network = build().to_empty(device="cpu")
    except (NotImplementedError, RuntimeError):
        return build()
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            tensor.zero_()
    return network


def known(func: Any, args: tuple[Any, ...]) -> Any:
    """Return an operator's result where its shape is plain, else None."""
    first = args[0] if args else None
    if not isinstance(first, Tensor):
        return None
    if func in FILLS or (torch.Tag.pointwise in func.tags and torch.Tag.inplace in func.tags):
        return first
    if func is aten.native_batch_norm.default and not args[5]:
        return torch.zeros_like(first), first.new_empty(0), first.new_empty(0)
    if func in ELEMENTWISE and all(is_like(other, first) for other in args[1:]):
        return torch.zeros_like(first)
    return None


def convolved(
    x: Tensor, weight: Tensor, _: Tensor, stride: Any, padding: Any, dilation: Any
) -> tuple[int, ...]:
    """Return the shape of a convolution's result."""
    sizes = zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    spatial = (
        (size + 2 * pad - hole * (kernel - 1) - 1) // step + 1
        for size, kernel, step, pad, hole in sizes
    )
    return (x.shape[0], weight.shape[0], *spatial)


def is_meta(args: tuple[Any, ...]) -> bool:
    """Tell whether an operator works on a meta tensor."""
    return bool(args) and isinstance(args[0], Tensor) and args[0].is_meta


def is_like(other: object, first: Tensor) -> bool:
    """Tell whether a tensor has the first one's shape and type."""
    return isinstance(other, Tensor) and other.shape == first.shape and other.dtype == first.dtype
