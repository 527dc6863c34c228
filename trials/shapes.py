"""What an operator returns on the meta device, where its shape is plain enough to say at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import prod
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten
FILLS = {
    *(aten.fill_.Scalar, aten.zero_.default, aten.normal_.default, aten.uniform_.default),
    *(aten.hardswish_.default, aten.hardtanh_.default),
}
Shape = tuple[int, ...]
Looks = list[tuple[Shape, torch.dtype]]


def known(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any] | None) -> Any:
    """Return an operator's result on the meta device where its shape is plain, else None."""
    first = args[0] if isinstance(args[0], Tensor) else args[0][0]
    if fills(func):
        return first if all(is_like(other, first) for other in args[1:]) else None
    if func is aten.native_batch_norm.default and not args[5]:
        # statistics come back empty on the CPU, and torch's own rule for this device has them full
        return empty_like(first), first.new_empty(0), first.new_empty(0)
    if func in SEVERAL:
        looks = None if kwargs or not are_plain(args, first) else SEVERAL[func](*args)
        return looks and tuple(torch.empty(each, dtype=of, device="meta") for each, of in looks)
    shape_of = PLAIN.get(func) or ORDERING.get(func)
    if shape_of is None or not are_plain(args, first, ordered=func in PLAIN):
        return None
    if kwargs and func not in SPREADS:
        return None
    shape = shape_of(*args, **(kwargs or {}))
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


def kept(x: Tensor, *_: float) -> Shape:
    """Return the shape of what is done element by element."""
    return tuple(x.shape)


def met(one: Tensor, other: Tensor | float) -> Shape | None:
    """Return the shape of a sum or product."""
    if not isinstance(other, Tensor):
        return tuple(one.shape) if lies_in_order(one) else None
    few, many = sorted((tuple(one.shape), tuple(other.shape)), key=len)
    sizes = list(zip((1,) * (len(many) - len(few)) + few, many, strict=True))
    if any(size != across and 1 not in (size, across) for size, across in sizes):
        return None
    shape = tuple(across if size == 1 else size for size, across in sizes)
    # the first that has all axes decides how the result lies
    is_first = one.is_contiguous() and tuple(one.shape) == shape
    return shape if is_first or (lies_in_order(one) and lies_in_order(other)) else None


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
    if not weight.is_contiguous() or (x.stride(1) == 1 and not x.is_contiguous()):
        return None  # channels come last, and shall in the result
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


def averaged_to(x: Tensor, size: Sequence[int]) -> Shape | None:
    """Return the shape of the means of a grid."""
    return (*x.shape[:2], *size) if x.dim() == 4 and min(x.shape) > 0 else None


def spread(
    x: Tensor,
    dims: list[int] | None = None,
    correction: float | None = None,
    keepdim: bool = False,
) -> Shape | None:
    """Return the shape of a deviation."""
    return averaged(x, dims, keepdim)


def length(
    x: Tensor, order: float = 2, dims: list[int] | None = None, keepdim: bool = False
) -> Shape | None:
    """Return the shape of a norm's result."""
    return averaged(x, dims, keepdim)


def viewed(x: Tensor, size: Sequence[int]) -> Shape | None:
    """Return the shape that is asked for."""
    return tuple(size) if min(size, default=1) >= 0 and prod(size) == x.numel() else None


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


SPREADS = {aten.std.correction, aten.var.correction}
PLAIN: Mapping[Any, Callable[..., Shape | None]] = {
    aten.sigmoid.default: kept,
    aten.relu.default: kept,
    aten.silu.default: kept,
    aten.tanh.default: kept,
    aten.clamp_min.default: kept,
    aten.pow.Tensor_Scalar: kept,
    aten._adaptive_avg_pool2d.default: averaged_to,
    aten._unsafe_view.default: viewed,
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


ORDERING: Mapping[Any, Callable[..., Shape | None]] = {
    aten.mean.dim: averaged,
    aten.sum.dim_IntList: averaged,
    aten.amax.default: averaged,
    aten.amin.default: averaged,
    aten.std.correction: spread,
    aten.var.correction: spread,
    aten.linalg_vector_norm.default: length,
    aten.add.Tensor: met,
    aten.sub.Tensor: met,
    aten.mul.Tensor: met,
    aten.div.Tensor: met,
    aten.convolution.default: convolved,
    aten.mm.default: multiplied,
    aten.bmm.default: multiplied,
    aten.addmm.default: multiplied_and_added,
}
"""Their results lie in order whether or not all their arguments do."""


def pooled(
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    ceil_mode: bool = False,
) -> Looks | None:
    """Return the looks of the greatest values and their places."""
    given = (kernel, stride, padding, dilation)
    if x.dim() != 4 or ceil_mode or any(len(pair) != 2 for pair in given):
        return None
    sizes = list(zip(x.shape[2:], *given, strict=True))
    spatial = [(size + 2 * p - d * (k - 1) - 1) // step + 1 for size, k, step, p, d in sizes]
    if min(spatial) < 1 or any(2 * pad > width for _, width, _, pad, _ in sizes):
        return None
    shape = (*x.shape[:2], *spatial)
    return [(shape, x.dtype), (shape, torch.int64)]


def pooled_to(x: Tensor, size: Sequence[int]) -> Looks | None:
    """Return the looks of the greatest values of a grid, and their places."""
    shape = averaged_to(x, size)
    return None if shape is None else [(shape, x.dtype), (shape, torch.int64)]


def normed_in_groups(x: Tensor, *rest: Any) -> Looks:
    """Return the looks of a group norm's result and statistics."""
    count, groups = rest[2], rest[5]
    return [(tuple(x.shape), x.dtype), *[((count, groups), x.dtype)] * 2]


SEVERAL: Mapping[Any, Callable[..., Looks | None]] = {
    aten.max_pool2d_with_indices.default: pooled,
    aten.adaptive_max_pool2d.default: pooled_to,
    aten.native_group_norm.default: normed_in_groups,
}
"""What has several results."""


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


def are_plain(args: Sequence[object], first: Tensor, ordered: bool = True) -> bool:
    """Tell whether no argument makes a result of another type, order or device than the first."""
    for arg in args:
        if isinstance(arg, Tensor):
            is_common = arg.is_meta and arg.dtype == first.dtype and arg.is_floating_point()
            if not is_common or (ordered and not lies_in_order(arg)):
                return False
        elif isinstance(arg, list | tuple):
            if not are_plain(arg, first, ordered):
                return False
        elif isinstance(arg, complex):
            return False
    return True


def lies_in_order(x: Tensor) -> bool:
    """Tell whether the elements follow one another, but for axes along which they are repeated."""
    if x.is_contiguous():
        return True
    step = 1
    for size, stride in zip(reversed(x.shape), reversed(x.stride()), strict=True):
        if size > 1 and stride:
            if stride != step:
                return False
            step *= size
    return True
