"""Contextual Convolution (CoConv), Duta et al. 2021, https://arxiv.org/abs/2108.07387."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from modules.blocks.pyconv import level_widths


class CoConv(nn.Module):
    """Convolve with several dilations side by side, at the cost of one plain 3x3."""

    site = "mix"

    def __init__(
        self, planes: int, stride: int = 1, dilations: Sequence[int] = (1, 2, 3, 4)
    ) -> None:
        super().__init__()
        self.channels = planes
        # where the shares are uneven the near context gets more channels, opposite to PyConv
        widths = level_widths(planes, len(dilations))[::-1]
        self.levels = nn.ModuleList(
            nn.Conv2d(planes, width, 3, stride, dilation, dilation, bias=False)
            for width, dilation in zip(widths, dilations, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([level(x) for level in self.levels], dim=1)


# CoConvResNet's mix by stage: the smaller the map, the fewer the levels
COCONV_STAGES = (
    partial(CoConv, dilations=(1, 2, 3, 4)),
    partial(CoConv, dilations=(1, 2, 3)),
    partial(CoConv, dilations=(1, 2)),
    partial(CoConv, dilations=(1,)),
)
