"""Multi-scale Spatial Pyramid Attention (MSPA), Yu et al. 2024, EAAI 133, 108261.

https://doi.org/10.1016/j.engappai.2024.108261
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SPR(nn.Module):
    """Channel weights from average pools on a pyramid of grids (spatial pyramid recalibration).

    The paper's figure 1 adds the pooled branches; the released code, whose counts are the
    published ones, concatenates them.
    """

    def __init__(self, channels: int, reduction: int = 16, grid: Sequence[int] = (1, 2)) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.pools = nn.ModuleList(nn.AdaptiveAvgPool2d(size) for size in grid)
        self.reduce = nn.Conv2d(channels * sum(size * size for size in grid), hidden, 1)
        self.relu = nn.ReLU(inplace=True)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        pyramid = torch.cat([pool(x).flatten(1) for pool in self.pools], dim=1)
        logits: Tensor = self.expand(self.relu(self.reduce(pyramid[:, :, None, None])))
        return logits.sigmoid()


class MSPA(nn.Module):
    """Convolve `scales` groups of `planes * omega // base` channels, then weigh the groups.

    Group i takes in the sum with group i-1's result (`hierarchical`); where it strides, the groups
    are convolved apart and group i is dilated i+1 times (`dilate`), as the released code does.
    `recalibrate` maps a group's channels to its gate: `SPR`, `None`, or any factory of a module
    that returns (n, c, 1, 1); one instance serves all groups, as one batch. `softmax` lets them
    compete. `groups` cuts each convolution as ResNeXt does; the counts published for MSPANeXt-29
    are met by no reading of the paper that was tried.
    """

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        scales: int = 3,
        omega: int = 30,
        base: int = 64,
        hierarchical: bool = True,
        dilate: bool = True,
        recalibrate: Callable[[int], nn.Module] | None = SPR,
        softmax: bool = True,
        groups: int = 1,
    ) -> None:
        super().__init__()
        self.width = planes * omega // base
        if self.width < 1:
            raise ValueError(f"omega = {omega} leaves no channel of {planes} planes (base {base})")
        self.scales = scales
        self.channels = scales * self.width
        self.cascaded = hierarchical and stride == 1
        dilations = [scale + 1 if dilate and stride > 1 else 1 for scale in range(scales)]
        self.convs = nn.ModuleList(
            nn.Conv2d(self.width, self.width, 3, stride, dilation, dilation, groups, bias=False)
            for dilation in dilations
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(self.width) for _ in range(scales))
        self.recalibrate = recalibrate(self.width) if recalibrate else None
        self.softmax = softmax

    def forward(self, x: Tensor) -> Tensor:
        groups: list[Tensor] = []
        for conv, norm, part in zip(self.convs, self.norms, x.chunk(self.scales, 1), strict=True):
            groups.append(norm(conv(part + groups[-1] if self.cascaded and groups else part)))
        if self.recalibrate is None:
            return torch.cat(groups, dim=1)
        # all groups at once: so small a gate costs calls, not arithmetic
        gates: Tensor = self.recalibrate(torch.cat(groups)).unflatten(0, (self.scales, -1))
        weights = (F.softmax(gates, dim=0) if self.softmax else gates).to(groups[0].dtype)
        return torch.cat([group * weight for group, weight in zip(groups, weights, strict=True)], 1)
