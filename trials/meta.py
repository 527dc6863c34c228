"""Passes through a network in which nothing is computed: shapes are all that counting needs.

Initialisation, convolutions, evaluated batch norms, means, sums and products are most of what a
network does on the meta device; going round torch's Python kernels there makes a pass several
times as fast. For profilers that want real tensors the same is done on the CPU, with zeros.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
FILLS = {aten.fill_.Scalar, aten.zero_.default, aten.normal_.default, aten.uniform_.default}
Shape = tuple[int, ...]


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


def known(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None) -> Any:
    """Return an operator's result on the meta device where its shape is plain, else None."""
    first = args[0] if isinstance(args[0], Tensor) else args[0][0]
    if fills(func):
        return first if all(is_like(other, first) for other in args[1:]) else None
    if func is aten.native_batch_norm.default and not args[5]:
        # statistics come back empty on the CPU, and torch's own rule for this device has them full
        return empty_like(first), first.new_empty(0), first.new_empty(0)
    shape_of = PLAIN.get(func) or PRODUCTS.get(func)
    ordered = func not in PRODUCTS
    if shape_of is None or kwargs or not all(is_plain(arg, first, ordered) for arg in args):
        return None
    shape = shape_of(*args)
    return None if shape is None else torch.empty(shape, dtype=first.dtype, device="meta")


def empty_like(x: Tensor) -> Tensor:
    """Return a tensor of the same look, quickly where it lies in order."""
    if not x.is_contiguous():
        return torch.empty_like(x)
    return torch.empty(x.shape, dtype=x.dtype, device="meta")


@cache
def fills(func: Any) -> bool:
    """Tell whether an operator only changes its first argument's values."""
    tags = getattr(func, "tags", ())
    return func in FILLS or (torch.Tag.pointwise in tags and torch.Tag.inplace in tags)


def kept(x: Tensor) -> Shape:
    """Return the shape of what is done element by element."""
    return tuple(x.shape)


def met(one: Tensor, other: Tensor | float) -> Shape | None:
    """Return the shape of a sum or product where one factor has it already."""
    if not isinstance(other, Tensor):
        return tuple(one.shape)
    if len(one.shape) != len(other.shape):
        return None
    small, large = sorted((one.shape, other.shape), key=torch.Size.numel)
    fits = all(few in (1, many) for few, many in zip(small, large, strict=True))
    return tuple(large) if fits else None


def convolved(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    _: list[int],
    groups: int,
) -> Shape | None:
    """Return the shape of a convolution's result, None where it is transposed or does not fit."""
    if transposed or x.shape[1] != weight.shape[1] * groups or len(stride) != x.dim() - 2:
        return None
    sizes = zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    spatial = [
        (size + 2 * pad - hole * (kernel - 1) - 1) // step + 1
        for size, kernel, step, pad, hole in sizes
    ]
    return (x.shape[0], weight.shape[0], *spatial) if min(spatial) > 0 else None


def averaged(x: Tensor, dims: list[int] | None = None, keepdim: bool = False) -> Shape | None:
    """Return the shape of a mean's result."""
    if not dims or not all(-x.dim() <= dim < x.dim() for dim in dims):
        return None
    gone = {dim % x.dim() for dim in dims}
    kept_sizes = [1 if dim in gone else size for dim, size in enumerate(x.shape)]
    return tuple(size for dim, size in enumerate(kept_sizes) if keepdim or dim not in gone)


def joined(parts: list[Tensor], dim: int = 0) -> Shape | None:
    """Return the shape of tensors put one after another."""
    shapes = [list(part.shape) for part in parts]
    if any(len(shape) != len(shapes[0]) for shape in shapes) or dim >= len(shapes[0]):
        return None
    total = sum(shape[dim] for shape in shapes)
    for shape in shapes:
        shape[dim] = total
    return tuple(shapes[0]) if all(shape == shapes[0] for shape in shapes) else None


def stacked(parts: list[Tensor], dim: int = 0) -> Shape | None:
    """Return the shape of tensors put beside one another."""
    shape = list(parts[0].shape)
    shape.insert(dim if dim >= 0 else len(shape) + 1 + dim, len(parts))
    return tuple(shape) if all(part.shape == parts[0].shape for part in parts) else None


def normalised(x: Tensor, _: int, half_to_float: bool) -> Shape | None:
    """Return the shape of a softmax's result."""
    return None if half_to_float else tuple(x.shape)


PLAIN: Mapping[Any, Callable[..., Shape | None]] = {
    aten.sigmoid.default: kept,
    aten.relu.default: kept,
    aten.silu.default: kept,
    aten.tanh.default: kept,
    aten.add.Tensor: met,
    aten.sub.Tensor: met,
    aten.mul.Tensor: met,
    aten.convolution.default: convolved,
    aten.mean.dim: averaged,
    aten.amax.default: averaged,
    aten.cat.default: joined,
    aten.stack.default: stacked,
    aten._softmax.default: normalised,
}


def multiplied(one: Tensor, other: Tensor) -> Shape | None:
    """Return the shape of a matrix product, or of a batch of them."""
    fits = one.shape[:-2] == other.shape[:-2] and one.shape[-1] == other.shape[-2]
    return (*one.shape[:-1], other.shape[-1]) if fits else None


def multiplied_and_added(bias: Tensor, one: Tensor, other: Tensor) -> Shape | None:
    """Return the shape of a matrix product plus a row."""
    shape = multiplied(one, other)
    return shape if shape and bias.shape == shape[-1:] else None


PRODUCTS: Mapping[Any, Callable[..., Shape | None]] = {
    aten.mm.default: multiplied,
    aten.bmm.default: multiplied,
    aten.addmm.default: multiplied_and_added,
}
"""Their results lie in order however their factors do."""


def is_meta(args: tuple[Any, ...]) -> bool:
    """Tell whether an operator works on a meta tensor."""
    first = args[0] if args else None
    if isinstance(first, list | tuple) and first:
        first = first[0]
    return isinstance(first, Tensor) and first.is_meta


def is_like(other: object, first: Tensor) -> bool:
    """Tell whether a value is a number, or a tensor with the first one's shape and type."""
    if not isinstance(other, Tensor):
        return True
    return other.is_meta and other.shape == first.shape and other.dtype == first.dtype


def is_plain(arg: object, first: Tensor, ordered: bool) -> bool:
    """Tell whether an argument makes no result of another type, order or device than the first."""
    if isinstance(arg, list | tuple):
        return all(is_plain(item, first, ordered) for item in arg)
    if not isinstance(arg, Tensor):
        return not isinstance(arg, complex)
    is_common = arg.dtype == first.dtype and arg.dtype.is_floating_point
    return is_common and arg.is_meta and (not ordered or arg.is_contiguous())
