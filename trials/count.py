"""Count multiply-accumulates operator by operator, and refuse what cannot be counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch._ops import HigherOrderOperator
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from trials.shapes import is_meta, known

Rule = Callable[..., int]
"""Takes an operator's arguments and, as `out`, its result; returns multiply-accumulates."""

ALIASING = {
    torch.ops.aten._unsafe_view.default,
    torch.ops.aten._reshape_alias.default,
    torch.ops.aten.lift_fresh.default,
}
FREE_TAGS = {"pointwise", "reduction", "view_copy", "inplace_view"}

# What papers do not count: statistics and norms, pools, fills and draws, moving data, resampling,
# ordering, activations. A matrix product, a convolution or a transform has no place here.
FREE = frozenset(
    """
    mean sum prod amax amin max min argmax argmin var std var_mean std_mean norm linalg_vector_norm
    logsumexp _softmax _safe_softmax _log_softmax cumsum cumprod cummax cummin logcumsumexp any all
    equal _weight_norm_interface _linalg_check_errors
    native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training
    _native_batch_norm_legit_functional _batch_norm_with_update cudnn_batch_norm native_group_norm
    native_layer_norm _fused_rms_norm
    _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d avg_pool2d
    avg_pool3d max_pool2d_with_indices max_pool3d_with_indices max_unpool2d
    empty empty_like empty_strided new_empty new_empty_strided zeros zeros_like new_zeros zero ones
    ones_like new_ones full full_like new_full fill scalar_tensor arange linspace logspace eye
    tril_indices triu_indices rand rand_like randn randn_like randint randperm bernoulli uniform
    normal exponential multinomial native_dropout lift_fresh
    cat stack copy _to_copy clone contiguous index index_put _index_put_impl index_select index_add
    gather scatter scatter_add scatter_reduce masked_scatter masked_select nonzero embedding
    constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d
    replication_pad2d replication_pad3d roll flip repeat repeat_interleave im2col col2im
    pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle tril triu take
    select_scatter slice_scatter diagonal_scatter resize _unsafe_view _reshape_alias unsafe_split
    unsafe_split_with_sizes
    upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_linear1d upsample_bilinear2d
    upsample_trilinear3d upsample_bicubic2d _upsample_nearest_exact2d _upsample_bilinear2d_aa
    _upsample_bicubic2d_aa grid_sampler_2d grid_sampler_3d
    topk sort kthvalue median searchsorted bucketize _local_scalar_dense
    hardswish hardsigmoid hardtanh leaky_relu elu prelu _prelu_kernel rrelu_with_noise glu
    log_sigmoid_forward softplus softshrink
    """.split()  # noqa: SIM905 - two hundred quotes would hide the names
)


def convolution(image: Tensor, weight: Tensor, *rest: Any, out: Tensor) -> int:
    """Count a kernel at each place: of the result, or of the image where it is transposed."""
    places = image if rest[4] else out
    return places.numel() * prod(weight.shape[1:])


def product(left: Tensor, right: Tensor, *rest: Any, out: Tensor) -> int:
    """Count a matrix product, or a batch of them."""
    return left.numel() * right.shape[-1]


def added(_: Tensor, left: Tensor, right: Tensor, *rest: Any, out: Tensor) -> int:
    """Count a matrix product that is added to something, or a batch or a sum of them."""
    return left.numel() * right.shape[-1]


def with_vector(*args: Any, out: Any) -> int:
    """Count a product with a vector on its right: one step per element of the factor before it."""
    left: Tensor = args[-2]
    return left.numel()


def affine_grid(theta: Tensor, *rest: Any, out: Tensor) -> int:
    """Count the coordinates of a grid: each is a row of its affine map times a point."""
    return out.numel() * theta.shape[2]


def deformable(image: Tensor, weight: Tensor, *rest: Any, out: Tensor) -> int:
    """Count a deformable convolution as the convolution it is after sampling."""
    return out.numel() * prod(weight.shape[1:])


def free(*_: Any, **__: Any) -> int:
    """Count nothing."""
    return 0


def halved(flops: Callable[..., int], *args: Any, out: Any, **kwargs: Any) -> int:
    """Count by torch's own formula, which has two operations a step."""
    return int(flops(*args, **kwargs, out_val=out)) // 2


RULES: Mapping[str, Rule] = {
    "aten::convolution": convolution,
    "aten::mm": product,
    "aten::bmm": product,
    "aten::addmm": added,
    "aten::baddbmm": added,
    "aten::addbmm": added,
    "aten::mv": with_vector,
    "aten::dot": with_vector,
    "aten::vdot": with_vector,
    "aten::addmv": with_vector,
    "aten::affine_grid_generator": affine_grid,
    "torchvision::deform_conv2d": deformable,
}


class UncountedError(TypeError):
    """An operator without a cost rule, by name, with the way to give it one."""


class Counter(TorchDispatchMode):
    """Adds up the multiply-accumulates of what runs inside it, and the bytes of its results."""

    supports_higher_order_operators = True

    def __init__(self, rules: Mapping[str, Rule] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rules = rules or {}
        self.macs = 0
        self.activations = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # otherwise torch imports its compiler, for a second, only to keep it away from here
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operator and add its cost."""
        out = known(func, args, kwargs) if is_meta(args) else None
        if out is None:
            out = func(*args, **(kwargs or {}))
        self.macs += self._macs(func, args, kwargs or {}, out)
        if writes(func):
            for leaf in out if isinstance(out, (tuple, list)) else (out,):
                if isinstance(leaf, Tensor):
                    self.activations += leaf.numel() * leaf.element_size()
        return out

    def _macs(self, func: Any, args: Any, kwargs: Mapping[str, Any], out: Any) -> int:
        own = self.rules.get(name_of(func))
        if own is None and (common := rule(func)) is free:
            return 0
        named = {key: value for key, value in kwargs.items() if key != "out"}
        if own is None:
            return common(*args, **named, out=out)
        macs = own(*args, **named, out=out)
        if not isinstance(macs, int) or macs < 0:
            raise UncountedError(
                f"the rule of {name_of(func)} returned {macs!r}; "
                "it returns a whole number of multiply-accumulates"
            )
        return macs


class Outside(TorchFunctionMode):
    """Refuses to hand values to numpy: what is computed there is seen by no counter."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Look at what is called on tensors."""
        if func in (Tensor.numpy, Tensor.__array__):
            raise UncountedError(
                "a forward turns a tensor into a numpy array, and what numpy computes "
                "cannot be counted; write it with torch"
            )
        return func(*args, **(kwargs or {}))


@cache
def rule(func: Any) -> Rule:
    """Return how an operator is counted; in place it does the same work."""
    name = name_of(func)
    plain = name.rstrip("_")
    if plain in RULES:
        return RULES[plain]
    packet = getattr(func, "_overloadpacket", func)
    space, _, last = plain.partition("::")
    for known_as in (packet, getattr(torch.ops.aten, last, None) if space == "aten" else None):
        if known_as in flop_registry:
            return partial(halved, flop_registry[known_as])
    if not isinstance(func, HigherOrderOperator) and (func.is_view or is_free(func, name)):
        return free
    raise UncountedError(
        f"the operator {name} has no cost rule; give it one in the space file: "
        f"rules = {{{name!r}: lambda *args, out: ...}} returns its multiply-accumulates"
    )


@cache
def writes(func: Any) -> bool:
    """Tell whether an operator writes a new result."""
    if isinstance(func, HigherOrderOperator):
        return True
    return not func.is_view and not func._schema.is_mutable and func not in ALIASING


@cache
def name_of(func: Any) -> str:
    """Return an operator's name without its overload."""
    if isinstance(func, HigherOrderOperator):
        return str(func.name())
    return str(func._overloadpacket._qualified_op_name)


def is_free(func: Any, name: str) -> bool:
    """Tell whether an operator does none of the work that is counted."""
    if any(str(tag).rpartition(".")[2] in FREE_TAGS for tag in func.tags):
        return True
    return name.startswith(("aten::", "prims::")) and name.partition("::")[2].rstrip("_") in FREE
