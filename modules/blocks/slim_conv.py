"""Slim convolution (SlimConv), Qiu et al. 2020, https://arxiv.org/abs/2003.07469."""

import torch
from torch import Tensor, nn

from modules.blocks.conv_norm import conv_norm, conv_norm_relu


class SlimConv(nn.Module):
    """Fold the channels in half twice, weighed and weighed in reverse, and convolve both folds.

    It returns three quarters of its channels: half from a 3x3, a quarter from a bottleneck.
    """

    site = "mix"

    def __init__(self, planes: int, stride: int = 1, reduction: int = 32) -> None:
        super().__init__()
        if planes % 4:
            raise ValueError(f"planes = {planes} is not divisible by 4; SlimConv returns quarters")
        half, quarter = planes // 2, planes // 4
        hidden = max(1, planes // reduction)
        self.channels, self.returned = planes, half + quarter
        self.narrow = nn.Sequential(
            *conv_norm_relu(half, quarter), *conv_norm(quarter, quarter, 3, stride)
        )
        self.wide = conv_norm(half, half, 3, stride)
        self.gate = nn.Sequential(
            *conv_norm_relu(planes, hidden),
            nn.Conv2d(hidden, planes, 1),
            nn.Sigmoid(),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.gate(self.pool(x))
        first, second = (x * weights).chunk(2, dim=1)
        third, fourth = (x * weights.flip(1)).chunk(2, dim=1)
        return torch.cat([self.wide(first + second), self.narrow(third + fourth)], dim=1)
