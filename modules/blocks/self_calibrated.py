"""Self-calibrated convolutions (SCNet), Liu et al. 2020, CVPR.

https://openaccess.thecvf.com/content_CVPR_2020/papers/Liu_Improving_Convolutional_Networks_With_Self-Calibrated_Convolutions_CVPR_2020_paper.pdf
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modules.blocks.conv_norm import conv_norm


class Calibrated(nn.Module):
    """Gate a 3x3 convolution by the map's own coarse view, then convolve once more.

    Where a map is smaller than the `pool` its coarse view is one pixel.
    """

    def __init__(self, channels: int, stride: int, pool: int) -> None:
        super().__init__()
        self.pool = pool
        self.coarse = conv_norm(channels, channels, 3)
        self.fine = conv_norm(channels, channels, 3)
        self.out = conv_norm(channels, channels, 3, stride)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        pooled = F.avg_pool2d(x, (min(self.pool, height), min(self.pool, width)))
        view = F.interpolate(self.coarse(pooled), (height, width))
        fine: Tensor = self.fine(x)
        y: Tensor = self.out(fine * (x + view).sigmoid())
        return y


class SelfCalibrated(nn.Module):
    """Convolve one half of the channels plainly and calibrate the other.

    It ends with norms and activations of its own, which the paper has in the place of the block's.
    """

    site = "mix"

    def __init__(self, planes: int, stride: int = 1, pool: int = 4) -> None:
        super().__init__()
        if planes % 2:
            raise ValueError(f"planes = {planes} is not divisible by 2 halves")
        self.channels = planes
        self.plain = conv_norm(planes // 2, planes // 2, 3, stride)
        self.calibrated = Calibrated(planes // 2, stride, pool)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=1)
        y: Tensor = self.relu(torch.cat([self.plain(first), self.calibrated(second)], dim=1))
        return y
