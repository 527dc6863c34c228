"""Pyramid Scene Parsing (PSPNet), Zhao et al. 2017, https://arxiv.org/abs/1612.01105."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modules.blocks.conv_norm import conv_norm_relu


class PSP(nn.Module):
    """Join the map with its averages over grids of several sizes, and mix them.

    `out` is how many channels it returns where it ends a network.
    """

    site = "after"

    def __init__(
        self, channels: int, sizes: Sequence[int] = (1, 2, 3, 6), out: int | None = None
    ) -> None:
        super().__init__()
        self.grids = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(size), nn.Conv2d(channels, channels, 1, bias=False))
            for size in sizes
        )
        self.join = nn.Conv2d((len(sizes) + 1) * channels, out or channels, 1)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        views = [
            F.interpolate(grid(x), x.shape[2:], mode="bilinear", align_corners=False)
            for grid in self.grids
        ]
        y: Tensor = self.relu(self.join(torch.cat([*views, x], dim=1)))
        return y


class PyramidPooling(nn.Module):
    """Append narrow averages over grids of several sizes: all together as many channels again.

    The form of SPNet's repository. It has no site, for it returns more channels than it takes.
    """

    def __init__(self, channels: int, sizes: Sequence[int] = (1, 2, 3, 6)) -> None:
        super().__init__()
        width, rest = divmod(channels, len(sizes))
        if rest:
            raise ValueError(f"channels = {channels} is not divisible by {len(sizes)} sizes")
        self.grids = nn.ModuleList(
            nn.Sequential(
                nn.AdaptiveAvgPool2d(size),
                *conv_norm_relu(channels, width),
            )
            for size in sizes
        )

    def forward(self, x: Tensor) -> Tensor:
        views = [
            F.interpolate(grid(x), x.shape[2:], mode="bilinear", align_corners=True)
            for grid in self.grids
        ]
        return torch.cat([x, *views], dim=1)
