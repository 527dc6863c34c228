"""Atrous Spatial Pyramid Pooling (ASPP, DeepLabv3+), Chen et al. 2018.

https://arxiv.org/abs/1802.02611
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from modules.blocks.conv_norm import conv_norm_relu


class ASPPBranch(nn.Module):
    """See the map at one rate of dilation: a separable convolution, and a plain one after it.

    Both are activated, as in the paper; the zoo's code only activates the last.
    """

    def __init__(self, channels: int, rate: int) -> None:
        super().__init__()
        # at rate 1 it is a 1x1 without a second convolution
        kernel, pad = (1, 0) if rate == 1 else (3, rate)
        self.refine = nn.Sequential()
        if rate != 1:
            self.refine.extend(
                [*atrous_separable(channels, 3, 1, 1), nn.BatchNorm2d(channels), nn.ReLU()]
            )
        self.atrous = atrous_separable(channels, kernel, pad, rate)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.refine(self.relu(self.norm(self.atrous(x))))
        return y


class ASPP(nn.Module):
    """Mix views of the map at several rates of dilation with its average."""

    site = "after"

    def __init__(self, channels: int, rates: Sequence[int] = (1, 6, 12, 18)) -> None:
        super().__init__()
        self.branches = nn.ModuleList(ASPPBranch(channels, rate) for rate in rates)
        self.whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), *conv_norm_relu(channels, channels))
        self.join = conv_norm_relu((len(rates) + 1) * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        views = [branch(x) for branch in self.branches]
        whole: Tensor = self.whole(x)
        y: Tensor = self.join(torch.cat([*views, whole.expand_as(x)], dim=1))
        return y


def atrous_separable(channels: int, kernel: int, pad: int, dilation: int) -> nn.Sequential:
    """Return a depthwise convolution and a 1x1."""
    return nn.Sequential(
        nn.Conv2d(
            channels,
            channels,
            kernel,
            padding=pad,
            dilation=dilation,
            groups=channels,
            bias=False,
        ),
        nn.Conv2d(channels, channels, 1, bias=False),
    )
