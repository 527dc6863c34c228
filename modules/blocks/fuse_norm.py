"""Folding a batch norm into the convolution before it, for inference."""

import torch
from torch import nn


def fuse_norm(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    """Return one convolution, with a bias, that does what both do in eval mode."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a norm that tracks no statistics cannot be folded; it needs its batch")
    fused = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        (conv.kernel_size[0], conv.kernel_size[1]),
        (conv.stride[0], conv.stride[1]),
        conv.padding if isinstance(conv.padding, str) else (conv.padding[0], conv.padding[1]),
        (conv.dilation[0], conv.dilation[1]),
        conv.groups,
        padding_mode=conv.padding_mode,
        device=conv.weight.device,
        dtype=conv.weight.dtype,
    )
    scale = (norm.running_var + norm.eps).rsqrt()
    scale = scale * norm.weight if norm.affine else scale
    before = norm.running_mean if conv.bias is None else norm.running_mean - conv.bias
    shift = norm.bias if norm.affine else torch.zeros_like(norm.running_mean)
    assert fused.bias is not None
    with torch.no_grad():
        fused.weight.copy_(conv.weight * scale[:, None, None, None])
        fused.bias.copy_(shift - before * scale)
    return fused
