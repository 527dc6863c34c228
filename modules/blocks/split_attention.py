"""Split-Attention convolution (ResNeSt), Zhang et al. 2020, https://arxiv.org/abs/2004.08955."""

import torch
from torch import Tensor, nn


class SplitAttention(nn.Module):
    """Convolve to `radix` versions of every group, and let them compete for each channel.

    Without a `norm` its convolution has a bias, as the zoo's default has it.
    """

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        radix: int = 2,
        groups: int = 1,
        reduction: int = 4,
        norm: bool = True,
        floor: int = 32,
    ) -> None:
        super().__init__()
        if planes % (radix * groups):
            raise ValueError(
                f"planes = {planes} is not divisible by {radix * groups}: "
                f"{groups} groups in {radix} versions"
            )
        hidden = max(floor, planes * radix // reduction)
        if hidden % groups:
            raise ValueError(
                f"planes = {planes} leaves {hidden} hidden channels for {groups} groups"
            )
        self.channels = planes
        self.radix, self.groups = radix, groups
        self.conv = nn.Conv2d(
            planes, radix * planes, 3, stride, padding=1, groups=radix * groups, bias=not norm
        )
        self.norm = nn.BatchNorm2d(radix * planes) if norm else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(planes, hidden, 1, groups=groups)
        self.reduce_norm = nn.BatchNorm2d(hidden) if norm else nn.Identity()
        self.expand = nn.Conv2d(hidden, radix * planes, 1, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.relu(self.norm(self.conv(x)))
        versions: Tensor = maps.unflatten(1, (self.radix, -1))
        pooled: Tensor = self.pool(versions.sum(1).to(maps.dtype))
        logits: Tensor = self.expand(self.relu(self.reduce_norm(self.reduce(pooled))))
        # the logits of a group lie together, the maps of a version do
        apart: Tensor = logits.unflatten(1, (self.groups, self.radix, -1))
        weights = torch.softmax(apart, dim=2) if self.radix > 1 else apart.sigmoid()
        weights = weights.transpose(1, 2).flatten(2, 3).to(maps.dtype)
        return (versions * weights).sum(1).to(maps.dtype)
