"""Poly-Scale Convolution (PSConv), Li et al. 2020, https://arxiv.org/abs/2007.06191."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PSConv(nn.Module):
    """Convolve with three dilations that alternate over the pairs of input and output channels.

    A dense kernel leaves out the pairs that two grouped, more dilated ones serve: one those in the
    same of `parts`, the other those half of the parts away. With `groups` it is the paper's group
    version; there the released code takes other groups' pairs out.
    """

    site = "mix"
    served: Tensor

    def __init__(
        self, planes: int, stride: int = 1, parts: int = 4, groups: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        if parts % 2:
            raise ValueError(f"parts = {parts} is odd; PSConv pairs those half of them apart")
        if planes % (parts * groups):
            raise ValueError(
                f"planes = {planes} is not divisible by {parts * groups}: "
                f"{parts} parts in {groups} groups"
            )
        self.channels = planes
        self.groups, self.stride = groups, stride
        self.near, self.far = (
            nn.Conv2d(planes, planes, 3, stride, gap, gap, groups * parts, bias=False)
            for gap in (dilation, 2 * dilation)
        )
        self.dense = nn.Conv2d(planes, planes, 3, stride, padding=1, groups=groups, bias=False)
        # fixed by the arguments, so not part of a checkpoint
        served = pairs(planes, parts, groups)[:, :, None, None]
        self.register_buffer("served", served, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        halves = x.unflatten(1, (self.groups, 2, -1))
        swapped = halves.flip(2).flatten(1, 3)
        kernels = self.dense.weight.masked_fill(self.served, 0)
        dense = F.conv2d(x, kernels, None, self.stride, 1, groups=self.groups)
        y: Tensor = self.near(x) + dense + self.far(swapped)
        return y


def pairs(planes: int, parts: int, groups: int) -> Tensor:
    """Return which pairs (planes, planes // groups) the dilated convolutions serve."""
    width = planes // (parts * groups)
    part = torch.arange(planes // groups) // width
    apart = (part[:, None] - part) % parts
    return ((apart == 0) | (apart == parts // 2)).repeat(groups, 1)
