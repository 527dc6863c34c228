"""Spatial Group-wise Enhance (SGE), Li et al. 2019, https://arxiv.org/abs/1905.09646."""

import torch
from torch import Tensor, nn


class SGE(nn.Module):
    """Gate each pixel of a group of channels by its likeness to the group's average vector.

    The likeness is standardised over the pixels, then scaled and shifted once per group.
    """

    site = "gate"

    def __init__(self, channels: int, groups: int = 64) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(f"channels = {channels} is not divisible by {groups} groups")
        self.groups = groups
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.weight = nn.Parameter(torch.empty(1, groups, 1, 1, 1))
        self.bias = nn.Parameter(torch.empty(1, groups, 1, 1, 1))
        self.initialise()

    def initialise(self) -> None:
        """Start with the same weight, sigmoid(1), everywhere."""
        nn.init.zeros_(self.weight)
        nn.init.ones_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        size, channels, height, width = x.shape
        if height * width == 1:
            raise ValueError("SGE takes a standard deviation over pixels; a 1x1 map has one pixel")
        groups = x.reshape(size, self.groups, channels // self.groups, height, width)
        average: Tensor = self.pool(x)
        likeness = (groups * average.view(*groups.shape[:3], 1, 1)).sum(2, keepdim=True)
        centred = likeness - likeness.mean((3, 4), keepdim=True)
        standard = centred / (likeness.std((3, 4), keepdim=True) + 1e-5)
        gate = (standard * self.weight + self.bias).sigmoid()
        return (groups * gate.to(x.dtype)).reshape(x.shape)
