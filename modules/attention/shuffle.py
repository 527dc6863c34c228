"""Shuffle Attention (SA), Zhang and Yang 2021, https://arxiv.org/abs/2102.00240."""

import torch
from torch import Tensor, nn


class ShuffleAttention(nn.Module):
    """Weigh half of each group by its channels, half by its pixels, then shuffle the channels.

    The groups share the weights, so there are 3 * channels // groups of them.
    """

    site = "gate"

    def __init__(self, channels: int, groups: int = 64) -> None:
        super().__init__()
        if channels % (2 * groups):
            raise ValueError(
                f"channels = {channels} is not divisible by 2 * {groups}; "
                "ShuffleAttention halves each of its groups"
            )
        self.groups = groups
        half = channels // (2 * groups)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.channel_weight = nn.Parameter(torch.empty(1, half, 1, 1))
        self.channel_bias = nn.Parameter(torch.empty(1, half, 1, 1))
        self.pixel_weight = nn.Parameter(torch.empty(1, half, 1, 1))
        self.pixel_bias = nn.Parameter(torch.empty(1, half, 1, 1))
        self.norm = nn.GroupNorm(half, half)
        self.initialise()

    def initialise(self) -> None:
        """Start with the same weight, sigmoid(1), everywhere."""
        for weight in (self.channel_weight, self.pixel_weight):
            nn.init.zeros_(weight)
        for bias in (self.channel_bias, self.pixel_bias):
            nn.init.ones_(bias)

    def forward(self, x: Tensor) -> Tensor:
        size, channels, height, width = x.shape
        groups = x.reshape(size * self.groups, channels // self.groups, height, width)
        first, second = groups.chunk(2, dim=1)
        channel = self.channel_weight * self.pool(first) + self.channel_bias
        pixel = self.pixel_weight * self.norm(second) + self.pixel_bias
        # the parameters are float32 under autocast and must not make the map so
        first = first * channel.sigmoid().to(x.dtype)
        second = second * pixel.sigmoid().to(x.dtype)
        mixed = torch.cat([first, second], dim=1).reshape(size, 2, channels // 2, height, width)
        return mixed.transpose(1, 2).flatten(1, 2)
