"""Strip Pooling (SPNet), Hou et al. 2020, https://arxiv.org/abs/2003.13328."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modules.blocks.conv_norm import conv_norm, conv_norm_relu


class StripPooling(nn.Module):
    """Add what the averages of grids see, and what the averages of rows and columns see."""

    site = "after"

    def __init__(self, channels: int, sizes: Sequence[int] = (20, 12), reduction: int = 4) -> None:
        super().__init__()
        width = max(1, channels // reduction)
        self.enter_grids = conv_norm_relu(channels, width)
        self.enter_strips = conv_norm_relu(channels, width)
        self.near = conv_norm(width, width, 3)
        self.grids = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(size), *conv_norm(width, width, 3)) for size in sizes
        )
        self.row = nn.Sequential(nn.AdaptiveAvgPool2d((1, None)), *conv_norm(width, width, (1, 3)))
        self.column = nn.Sequential(
            nn.AdaptiveAvgPool2d((None, 1)), *conv_norm(width, width, (3, 1))
        )
        self.leave_grids = conv_norm_relu(width, width, 3)
        self.leave_strips = conv_norm_relu(width, width, 3)
        self.join = conv_norm(2 * width, channels)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        grids: Tensor = self.enter_grids(x)
        strips: Tensor = self.enter_strips(x)
        by_grids = self.near(grids)
        for grid in self.grids:
            by_grids = by_grids + enlarged(grid(grids), x)
        by_strips = enlarged(self.column(strips), x) + enlarged(self.row(strips), x)
        left = self.leave_grids(self.relu(by_grids))
        right = self.leave_strips(self.relu(by_strips))
        y: Tensor = self.relu(x + self.join(torch.cat([left, right], dim=1)))
        return y


class SPHead(nn.Sequential):
    """The paper's segmentation head: half of the channels, pooled twice, then class logits."""

    def __init__(self, channels: int, num_classes: int) -> None:
        half = max(1, channels // 2)
        quarter = max(1, half // 2)
        super().__init__(
            *conv_norm_relu(channels, half),
            StripPooling(half),
            StripPooling(half),
            *conv_norm_relu(half, quarter, 3),
            nn.Dropout2d(0.1),
            nn.Conv2d(quarter, num_classes, 1),
        )


def enlarged(x: Tensor, like: Tensor) -> Tensor:
    """Bring a map to the size of another."""
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=True)
