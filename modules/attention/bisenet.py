"""Attention refinement and feature fusion of BiSeNet, Yu et al. 2018.

https://arxiv.org/abs/1808.00897
"""

import torch
from torch import Tensor, nn

from modules.blocks.conv_norm import conv_norm_relu


class ARM(nn.Module):
    """Scale each channel by a normed linear map of the averages (attention refinement).

    The zoo's code has the paper's norm, yet does not use it.
    """

    site = "after"

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv2d(channels, channels, 1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.norm(self.conv(self.pool(x)))
        return x * logits.sigmoid()


class FFM(nn.Module):
    """Mix two maps by a 3x3 convolution, then add the mixture's own gated channels to it.

    `out` is the number of classes where it ends a segmentation network.
    """

    site = "fuse"

    def __init__(self, channels: int, out: int | None = None) -> None:
        super().__init__()
        width = out or channels
        self.mix = conv_norm_relu(2 * channels, width, 3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(width, width, 1)
        self.relu = nn.ReLU(inplace=True)
        self.expand = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        mixed: Tensor = self.mix(torch.cat([x, y], dim=1))
        logits: Tensor = self.expand(self.relu(self.reduce(self.pool(mixed))))
        return mixed * logits.sigmoid() + mixed
