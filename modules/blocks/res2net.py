"""Res2Net, Gao et al. 2019, https://arxiv.org/abs/1904.01169."""

import torch
from torch import Tensor, nn


class Res2Net(nn.Module):
    """Convolve all but the last of `scales` groups of `planes * omega // base` channels in a chain.

    Group i takes in the sum with group i-1's result. Where the block strides, the groups are
    convolved apart and the last one, else passed on as it is, is averaged, as released.
    """

    site = "mix"

    def __init__(
        self, planes: int, stride: int = 1, scales: int = 4, omega: int = 26, base: int = 64
    ) -> None:
        super().__init__()
        width = planes * omega // base
        if width < 1:
            raise ValueError(f"omega = {omega} leaves no channel of {planes} planes (base {base})")
        if scales < 2:
            raise ValueError(f"scales = {scales} leaves no group to convolve; Res2Net needs 2")
        self.scales = scales
        self.channels = scales * width
        self.cascaded = stride == 1
        self.convs = nn.ModuleList(
            nn.Conv2d(width, width, 3, stride, padding=1, bias=False) for _ in range(scales - 1)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(scales - 1))
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.Identity() if stride == 1 else nn.AvgPool2d(3, stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        *parts, last = x.chunk(self.scales, 1)
        groups: list[Tensor] = []
        for conv, norm, part in zip(self.convs, self.norms, parts, strict=True):
            chained = part + groups[-1] if self.cascaded and groups else part
            groups.append(self.relu(norm(conv(chained))))
        return torch.cat([*groups, self.pool(last)], dim=1)
