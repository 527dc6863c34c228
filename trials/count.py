"""Count multiply-accumulates operator by operator, and refuse what cannot be counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from trials.meta import is_meta, known

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
    logsumexp _softmax _safe_softmax _log_softmax cumsum any all
    native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training
    _native_batch_norm_legit_functional _batch_norm_with_update cudnn_batch_norm native_group_norm
    native_layer_norm _fused_rms_norm
    _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d avg_pool2d
    avg_pool3d max_pool2d_with_indices max_pool3d_with_indices max_unpool2d
    empty empty_like empty_strided new_empty new_empty_strided zeros zeros_like new_zeros zero ones
    ones_like new_ones full full_like new_full fill scalar_tensor arange linspace eye tril_indices
    triu_indices rand rand_like randn randn_like randint randperm bernoulli uniform normal
    native_dropout lift_fresh
    cat stack copy _to_copy clone contiguous index index_put _index_put_impl index_select index_add
    gather scatter scatter_add scatter_reduce masked_scatter masked_select nonzero embedding
    constant_pad_nd reflection_pad1d reflection_pad2d replication_pad1d replication_pad2d roll flip
    repeat repeat_interleave im2col col2im pixel_shuffle pixel_unshuffle channel_shuffle tril triu
    select_scatter slice_scatter diagonal_scatter resize _unsafe_view _reshape_alias
    upsample_nearest1d upsample_nearest2d upsample_linear1d upsample_bilinear2d upsample_bicubic2d
    _upsample_nearest_exact2d _upsample_bilinear2d_aa grid_sampler_2d grid_sampler_3d
    topk sort kthvalue median _local_scalar_dense
    hardswish hardsigmoid hardtanh leaky_relu elu prelu _prelu_kernel rrelu_with_noise glu
    log_sigmoid_forward softplus softshrink
    """.split()  # noqa: SIM905 - two hundred quotes would hide the names
)


def products(*args: Any, out: Tensor) -> int:
    """Count a matrix-vector or vector-vector product: one step per element of its left factor."""
    factors = [arg for arg in args if isinstance(arg, Tensor) and arg.numel()]
    return factors[-2].numel()


def deformable(image: Tensor, weight: Tensor, *rest: Any, out: Tensor) -> int:
    """Count a deformable convolution as the convolution it is after sampling."""
    return out.numel() * weight[0].numel()


RULES: Mapping[str, Rule] = {
    "aten::mv": products,
    "aten::dot": products,
    "aten::vdot": products,
    "aten::addmv": products,
    "torchvision::deform_conv2d": deformable,
}


class UncountedError(TypeError):
    """An operator without a cost rule, by name, with the way to give it one."""


class Counter(TorchDispatchMode):
    """Adds up the multiply-accumulates of what runs inside it, and the bytes of its results."""

    def __init__(self, rules: Mapping[str, Rule] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rules = {**RULES, **(rules or {})}
        self.macs = 0
        self.activations = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operator and add its cost."""
        out = known(func, args) if is_meta(args) else None
        if out is None:
            out = func(*args, **(kwargs or {}))
        self.macs += self._macs(func, args, kwargs or {}, out)
        if not func.is_view and not func._schema.is_mutable and func not in ALIASING:
            for leaf in out if isinstance(out, (tuple, list)) else (out,):
                if isinstance(leaf, Tensor):
                    self.activations += leaf.numel() * leaf.element_size()
        return out

    def _macs(self, func: Any, args: Any, kwargs: Mapping[str, Any], out: Any) -> int:
        packet = func._overloadpacket
        name = packet._qualified_op_name
        if rule := self.rules.get(name):
            return int(rule(*args, **kwargs, out=out))
        if packet in flop_registry:
            flops = flop_registry[packet](*args, **kwargs, out_val=out)
            return int(flops) // 2
        if func.is_view or is_free(func, name):
            return 0
        raise UncountedError(
            f"the operator {name} has no cost rule; give it one in the space file: "
            f"rules = {{{name!r}: lambda *args, out: ...}} returns its multiply-accumulates"
        )


def is_free(func: Any, name: str) -> bool:
    """Tell whether an operator does none of the work that is counted."""
    if any(str(tag).rpartition(".")[2] in FREE_TAGS for tag in func.tags):
        return True
    return name.startswith(("aten::", "prims::")) and name.partition("::")[2].rstrip("_") in FREE
