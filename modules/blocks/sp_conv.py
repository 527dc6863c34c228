"""Split based convolution (SPConv), Zhang et al. 2020, https://arxiv.org/abs/2006.12085."""

import torch
from torch import Tensor, nn


class SPConv(nn.Module):
    """Convolve a representative share of the channels richly, the redundant rest by a 1x1.

    The rich half adds a grouped 3x3 and a 1x1; the two results compete for each channel.
    """

    site = "mix"

    def __init__(self, planes: int, stride: int = 1, ratio: float = 0.5, groups: int = 2) -> None:
        super().__init__()
        rich = int(planes * ratio)
        if not 0 < rich < planes:
            raise ValueError(
                f"ratio = {ratio} leaves one side of {planes} planes without a channel"
            )
        if rich % groups or planes % groups:
            raise ValueError(
                f"planes = {planes} gives {rich} representative channels, "
                f"not divisible by {groups} groups"
            )
        self.channels = planes
        self.shares = [rich, planes - rich]
        self.pool = nn.Identity() if stride == 1 else nn.AvgPool2d(stride, ceil_mode=True)
        self.grouped = nn.Conv2d(rich, planes, 3, stride, padding=1, groups=groups, bias=False)
        self.pointwise = nn.Conv2d(rich, planes, 1, bias=False)
        self.cheap = nn.Conv2d(planes - rich, planes, 1)
        self.rich_norm = nn.BatchNorm2d(planes)
        self.cheap_norm = nn.BatchNorm2d(planes)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        representative, redundant = torch.split(x, self.shares, dim=1)
        pointwise = self.pointwise(self.pool(representative))
        rich = self.rich_norm(self.grouped(representative) + pointwise)
        cheap = self.cheap_norm(self.cheap(self.pool(redundant)))
        maps = torch.stack([rich, cheap], dim=1)
        averages = torch.stack([self.average(rich), self.average(cheap)], dim=1)
        weights: Tensor = self.softmax(averages)
        return (maps * weights.to(maps.dtype)).sum(1).to(maps.dtype)
