"""Ultra-Lightweight Subspace Attention (ULSAM), Saini et al. 2020, WACV.

https://arxiv.org/abs/2006.15102
"""

import torch
from torch import Tensor, nn


class Subspace(nn.Module):
    """Add to a few channels themselves, weighed by one map that is a softmax over the pixels.

    As in the paper the map sees depthwise features; the released code computes and drops them.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Sequential(
            nn.Conv2d(channels, channels, 1, groups=channels),
            nn.BatchNorm2d(channels, momentum=0.9),
            nn.ReLU(inplace=True),
        )
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.pointwise = nn.Sequential(
            nn.Conv2d(channels, 1, 1), nn.BatchNorm2d(1, momentum=0.9), nn.ReLU(inplace=True)
        )
        self.softmax = nn.Softmax(dim=2)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.pointwise(self.pool(self.depthwise(x)))
        weights: Tensor = self.softmax(logits.flatten(2)).view_as(logits)
        return x * weights.to(x.dtype) + x


class ULSAM(nn.Module):
    """Give each of `splits` subspaces of the channels an attention map of its own."""

    site = "gate"

    def __init__(self, channels: int, splits: int = 4) -> None:
        super().__init__()
        if channels % splits:
            raise ValueError(f"channels = {channels} is not divisible by {splits} splits")
        self.subspaces = nn.ModuleList(Subspace(channels // splits) for _ in range(splits))

    def forward(self, x: Tensor) -> Tensor:
        parts = x.chunk(len(self.subspaces), dim=1)
        return torch.cat([space(p) for space, p in zip(self.subspaces, parts, strict=True)], dim=1)
