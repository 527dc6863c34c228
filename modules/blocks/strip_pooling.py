"""Strip Pooling (SPNet), Hou et al. 2020, https://arxiv.org/abs/2003.13328."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class StripPooling(nn.Module):
    """Add what the averages of grids see, and what the averages of rows and columns see."""

    site = "after"

    def __init__(self, channels: int, sizes: Sequence[int] = (20, 12), reduction: int = 4) -> None:
        super().__init__()
        width = max(1, channels // reduction)
        self.enter_grids = nn.Sequential(*normed(channels, width, (1, 1)), nn.ReLU(inplace=True))
        self.enter_strips = nn.Sequential(*normed(channels, width, (1, 1)), nn.ReLU(inplace=True))
        self.near = normed(width, width, (3, 3))
        self.grids = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(size), *normed(width, width, (3, 3)))
            for size in sizes
        )
        self.row = nn.Sequential(nn.AdaptiveAvgPool2d((1, None)), *normed(width, width, (1, 3)))
        self.column = nn.Sequential(nn.AdaptiveAvgPool2d((None, 1)), *normed(width, width, (3, 1)))
        self.leave_grids = nn.Sequential(*normed(width, width, (3, 3)), nn.ReLU(inplace=True))
        self.leave_strips = nn.Sequential(*normed(width, width, (3, 3)), nn.ReLU(inplace=True))
        self.join = normed(2 * width, channels, (1, 1))
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
            *normed(channels, half, (1, 1)),
            nn.ReLU(inplace=True),
            StripPooling(half),
            StripPooling(half),
            *normed(half, quarter, (3, 3)),
            nn.ReLU(inplace=True),
            nn.Dropout2d(0.1),
            nn.Conv2d(quarter, num_classes, 1),
        )


def normed(channels: int, out: int, kernel: tuple[int, int]) -> nn.Sequential:
    """Return a convolution that keeps the size, with its norm."""
    pad = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(
        nn.Conv2d(channels, out, kernel, padding=pad, bias=False), nn.BatchNorm2d(out)
    )


def enlarged(x: Tensor, like: Tensor) -> Tensor:
    """Bring a map to the size of another."""
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=True)
