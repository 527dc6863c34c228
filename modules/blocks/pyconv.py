"""Pyramidal Convolution (PyConv), Duta et al. 2020, https://arxiv.org/abs/2006.11538."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn


class PyConv(nn.Module):
    """Convolve with larger kernels in more groups, side by side on the same input."""

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        kernels: Sequence[int] = (3, 5, 7, 9),
        groups: Sequence[int] = (1, 4, 8, 16),
    ) -> None:
        super().__init__()
        if len(kernels) != len(groups):
            raise ValueError(f"{len(kernels)} kernels need as many groups, not {len(groups)}")
        if not all(kernel % 2 for kernel in kernels):
            raise ValueError(f"kernels = {tuple(kernels)} are not all odd, so none stays centred")
        self.channels = planes
        widths = level_widths(planes, len(kernels))
        for width, count in zip(widths, groups, strict=True):
            if width % count:
                raise ValueError(
                    f"planes = {planes} gives a level of {width} channels, "
                    f"not divisible by {count} groups"
                )
        self.levels = nn.ModuleList(
            nn.Conv2d(planes, width, kernel, stride, kernel // 2, groups=count, bias=False)
            for width, kernel, count in zip(widths, kernels, groups, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([level(x) for level in self.levels], dim=1)


def level_widths(planes: int, levels: int) -> list[int]:
    """Share the planes out by powers of two; where that is uneven, the last levels get double."""
    shares = 1 << (levels - 1).bit_length()
    width, rest = divmod(planes, shares)
    if rest:
        raise ValueError(
            f"planes = {planes} is not divisible by {shares}, which {levels} levels need"
        )
    doubled = shares - levels
    return [width] * (levels - doubled) + [2 * width] * doubled


# PyConvResNet's mix by stage: the smaller the map, the fewer the levels
# (it also lets stage 1 stride for the stem's pool, which costs FLOPs and no parameters)
PYCONV_STAGES = (
    partial(PyConv, kernels=(3, 5, 7, 9), groups=(1, 4, 8, 16)),
    partial(PyConv, kernels=(3, 5, 7), groups=(1, 4, 8)),
    partial(PyConv, kernels=(3, 5), groups=(1, 4)),
    partial(PyConv, kernels=(3,), groups=(1,)),
)
