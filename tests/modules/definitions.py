"""Tensors drawn at random, and layers written out as their definitions."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def scattered(module: nn.Module, seed: int = 0) -> nn.Module:
    """Draw every tensor at random, so that no zero or one of a fresh module hides an error."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.double().state_dict(keep_vars=True).items():
        if tensor.is_floating_point():
            noise = torch.randn(tensor.shape, generator=generator, dtype=torch.float64) / 2
            if tensor.dim() > 1:  # as large as what it sums, so that deep modules stay in range
                noise *= 2 / tensor[0].numel() ** 0.5
            tensor.data.copy_(1 + noise.abs() if name.endswith("var") else noise)
    return module


def maps(*shape: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def near(ours: Tensor, theirs: Tensor) -> bool:
    return torch.allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def slow_conv(x: Tensor, weight: Tensor, stride: int, dilation: int) -> Tensor:
    """A 3x3 convolution as nine shifted products."""
    padded = F.pad(x, [dilation] * 4)
    height, width = x.shape[2:]
    total = torch.zeros(())
    for row in range(3):
        for column in range(3):
            top, left = row * dilation, column * dilation
            shifted = padded[:, :, top : top + height : stride, left : left + width : stride]
            total = total + torch.einsum("oi,nihw->nohw", weight[:, :, row, column], shifted)
    return total


def slow_norm(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    columns = [t[:, None, None] for t in (norm.running_mean, norm.running_var)]
    normal = (x - columns[0]) / (columns[1] + norm.eps).sqrt()
    return normal * norm.weight[:, None, None] + norm.bias[:, None, None]
