"""Slim convolution (SlimConv), Qiu et al. 2020, https://arxiv.org/abs/2003.07469."""

import torch
from torch import Tensor, nn


class SlimConv(nn.Module):
    """Fold the channels in half twice, weighed and weighed in reverse, and convolve both folds.

    It has no site, for it returns three quarters of its channels: half from a 3x3, a quarter from a
    bottleneck.
    """

    def __init__(self, planes: int, stride: int = 1, reduction: int = 32) -> None:
        super().__init__()
        if planes % 4:
            raise ValueError(f"planes = {planes} is not divisible by 4; SlimConv returns quarters")
        half, quarter = planes // 2, planes // 4
        hidden = max(1, planes // reduction)
        self.narrow = nn.Sequential(
            nn.Conv2d(half, quarter, 1, bias=False),
            nn.BatchNorm2d(quarter),
            nn.ReLU(inplace=True),
            nn.Conv2d(quarter, quarter, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(quarter),
        )
        self.wide = nn.Sequential(
            nn.Conv2d(half, half, 3, stride, padding=1, bias=False), nn.BatchNorm2d(half)
        )
        self.gate = nn.Sequential(
            nn.Conv2d(planes, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, planes, 1),
            nn.Sigmoid(),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.gate(self.pool(x))
        first, second = (x * weights).chunk(2, dim=1)
        third, fourth = (x * weights.flip(1)).chunk(2, dim=1)
        return torch.cat([self.wide(first + second), self.narrow(third + fourth)], dim=1)
