"""Efficient Multi-scale Attention (EMA), Ouyang et al. 2023, https://arxiv.org/abs/2305.13563."""

import torch
from torch import Tensor, nn


class EMA(nn.Module):
    """Weigh the pixels of each group by two branches that attend to each other.

    One branch sees rows and columns, the other 3x3 neighbours. All groups share the weights.
    """

    site = "inner"

    def __init__(self, channels: int, groups: int = 32) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(f"channels = {channels} is not divisible by {groups} groups")
        width = channels // groups
        self.groups = groups
        self.row_pool = nn.AdaptiveAvgPool2d((None, 1))
        self.column_pool = nn.AdaptiveAvgPool2d((1, None))
        self.norm = nn.GroupNorm(width, width)
        self.axes = nn.Conv2d(width, width, 1)
        self.neighbours = nn.Conv2d(width, width, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.softmax = nn.Softmax(dim=2)

    def forward(self, x: Tensor) -> Tensor:
        size, channels, height, width = x.shape
        group = x.reshape(size * self.groups, channels // self.groups, height, width)
        profile = torch.cat([self.row_pool(group), self.column_pool(group).transpose(2, 3)], dim=2)
        gates: Tensor = self.axes(profile).sigmoid()
        rows, columns = gates[:, :, :height], gates[:, :, height:].transpose(2, 3)
        along: Tensor = self.norm(group * rows * columns)
        near: Tensor = self.neighbours(group)
        salience = self.cross(along, near) + self.cross(near, along)
        return (group * salience.sigmoid()).reshape(x.shape)

    def cross(self, asking: Tensor, answering: Tensor) -> Tensor:
        """Sum the channels of one map, weighed by a softmax over the averages of the other."""
        average: Tensor = self.pool(asking)
        weights: Tensor = self.softmax(average.flatten(2).transpose(1, 2))
        return (weights @ answering.flatten(2)).view_as(answering[:, :1])
