"""Selective Kernel (SK), Li et al. 2019, https://arxiv.org/abs/1903.06586."""

import torch
from torch import Tensor, nn


class SK(nn.Module):
    """Convolve with `branches` kernels from 3x3 up, and let them compete for each channel.

    The paper dilates 3x3 kernels and norms the squeezed vector; here, as in the counted code,
    kernels grow, convolutions have biases and the squeeze is linear. `DilatedSK` is nearer to it.
    """

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        branches: int = 2,
        groups: int = 32,
        reduction: int = 16,
        floor: int = 32,
    ) -> None:
        super().__init__()
        if planes % groups:
            raise ValueError(f"planes = {planes} is not divisible by {groups} groups")
        self.channels = planes
        hidden = max(floor, planes // reduction)
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(planes, planes, 3 + 2 * branch, stride, 1 + branch, groups=groups),
                nn.BatchNorm2d(planes),
                nn.ReLU(inplace=True),
            )
            for branch in range(branches)
        )
        self.squeeze = nn.Linear(planes, hidden)
        self.expand = nn.ModuleList(nn.Linear(hidden, planes) for _ in range(branches))

    def forward(self, x: Tensor) -> Tensor:
        maps = torch.stack([branch(x) for branch in self.branches], dim=1)
        squeezed: Tensor = self.squeeze(maps.mean((3, 4)).sum(1))
        return select(maps, torch.stack([expand(squeezed) for expand in self.expand], dim=1))


class DilatedSK(nn.Module):
    """Convolve with 3x3 kernels of growing dilation, and let them compete for each channel.

    The form the SCSA repository compares with, between the 3x3 and the last 1x1 of a bottleneck.
    """

    site = "inner"

    def __init__(
        self,
        channels: int,
        branches: int = 2,
        kernel: int = 3,
        groups: int = 1,
        reduction: int = 16,
    ) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(f"channels = {channels} is not divisible by {groups} groups")
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; DilatedSK needs an odd kernel")
        hidden, pad = max(1, channels // reduction), kernel // 2
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(
                    channels, channels, kernel, 1, dilation * pad, dilation, groups, bias=False
                ),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            )
            for dilation in range(1, branches + 1)
        )
        self.squeeze = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
        )
        self.expand = nn.Conv2d(hidden, branches * channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        maps = torch.stack([branch(x) for branch in self.branches], dim=1)
        logits: Tensor = self.expand(self.squeeze(maps.mean((3, 4), keepdim=True).sum(1)))
        return select(maps, logits.reshape(maps.shape[:3]))


def select(maps: Tensor, logits: Tensor) -> Tensor:
    """Sum the maps (n, m, c, h, w), each weighed by a softmax of the logits (n, m, c) over m."""
    weights = logits.softmax(1).to(maps.dtype)[:, :, :, None, None]
    return (maps * weights).sum(1).to(maps.dtype)
