"""Spatial and Channel reconstruction Convolution (SCConv), Li et al. 2023, CVPR.

https://openaccess.thecvf.com/content/CVPR2023/html/Li_SCConv_Spatial_and_Channel_Reconstruction_Convolution_for_Feature_Redundancy_CVPR_2023_paper.html
"""

import torch
from torch import Tensor, nn


class SRU(nn.Module):
    """Part the map by what its norm finds informative, then cross-add the halves."""

    site = "inner"

    def __init__(self, channels: int, groups: int = 4, threshold: float = 0.5) -> None:
        super().__init__()
        if channels % groups or channels % 2:
            raise ValueError(
                f"channels = {channels} is not divisible by {groups} groups and by 2 halves"
            )
        self.threshold = threshold
        self.norm = nn.GroupNorm(groups, channels)

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(x)
        normed = normed.to(x.dtype)
        share = self.norm.weight / self.norm.weight.sum()
        informative = (share[:, None, None] * normed).sigmoid() >= self.threshold
        first, second = (normed * informative).chunk(2, dim=1)
        first_rest, second_rest = (normed * ~informative).chunk(2, dim=1)
        return torch.cat([first + second_rest, second + first_rest], dim=1)


class CRU(nn.Module):
    """Convolve one half of the channels richly, the other cheaply, then weigh the two results."""

    site = "inner"

    def __init__(self, channels: int, reduction: int = 2, groups: int = 2) -> None:
        super().__init__()
        if channels % (2 * reduction * groups):
            raise ValueError(
                f"channels = {channels} is not divisible by {2 * reduction * groups}: two halves, "
                f"squeezed {reduction} times, in {groups} groups"
            )
        squeezed = channels // (2 * reduction)
        self.squeeze_upper = nn.Conv2d(channels // 2, squeezed, 1, bias=False)
        self.squeeze_lower = nn.Conv2d(channels // 2, squeezed, 1, bias=False)
        self.grouped = nn.Conv2d(squeezed, channels, 3, padding=1, groups=groups)
        self.pointwise = nn.Conv2d(squeezed, channels, 1, bias=False)
        self.supplement = nn.Conv2d(squeezed, channels - squeezed, 1, bias=False)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        upper, lower = x.chunk(2, dim=1)
        upper, lower = self.squeeze_upper(upper), self.squeeze_lower(lower)
        rich = self.grouped(upper) + self.pointwise(upper)
        both = torch.cat([rich, lower, self.supplement(lower)], dim=1)
        weights: Tensor = self.softmax(self.pool(both))
        # a softmax is float32 under autocast and must not make the map so
        first, second = (both * weights.to(both.dtype)).chunk(2, dim=1)
        return first + second


class SCConv(nn.Module):
    """Reduce spatial redundancy, then channel redundancy."""

    site = "inner"

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial = SRU(channels)
        self.channel = CRU(channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.channel(self.spatial(x))
        return y
