"""Ghost module (GhostNet), Han et al. 2020, https://arxiv.org/abs/1911.11907."""

import math

import torch
from torch import Tensor, nn

from modules.blocks.conv_norm import conv_norm_relu


class Ghost(nn.Module):
    """Convolve to some channels, and make the rest from those by cheap depthwise convolutions.

    One of `ratio` channels is convolved with `kernel`, the others are ghosts from `cheap` ones.
    `out` is how many channels it returns where it is not a mix.
    """

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        ratio: int = 2,
        kernel: int = 1,
        cheap: int = 3,
        out: int | None = None,
    ) -> None:
        super().__init__()
        for name, size in (("kernel", kernel), ("cheap", cheap)):
            if size % 2 == 0:
                raise ValueError(f"{name} = {size} is even; Ghost needs odd kernels")
        if ratio < 2:
            raise ValueError(f"ratio = {ratio} leaves no ghosts; Ghost needs 2")
        self.channels = planes
        self.out = out or planes
        first = math.ceil(self.out / ratio)
        self.primary = conv_norm_relu(planes, first, kernel, stride)
        ghosts = first * (ratio - 1)
        self.ghosts = nn.Sequential(
            nn.Conv2d(first, ghosts, cheap, padding=cheap // 2, groups=first, bias=False),
            nn.BatchNorm2d(ghosts),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        first: Tensor = self.primary(x)
        return torch.cat([first, self.ghosts(first)], dim=1)[:, : self.out]
