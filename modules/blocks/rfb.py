"""Receptive Field Block (RFB, RFB-s), Liu et al. 2018, https://arxiv.org/abs/1711.07767."""

from itertools import pairwise

import torch
from torch import Tensor, nn

Kernel = tuple[int, int]


class RFB(nn.Module):
    """Look at the map with kernels and dilations that grow together, as eyes do off the centre."""

    site = "after"

    def __init__(self, channels: int, reduction: int = 8, scale: float = 0.1) -> None:
        super().__init__()
        width = narrowed(channels, reduction, 2)
        square = (3, 3)
        self.branches = nn.ModuleList(
            [
                Branch([channels, 2 * width], [], 1),
                Branch([channels, width, 2 * width], [square], 2),
                Branch([channels, width, width // 2 * 3, 2 * width], [square, square], 3),
            ]
        )
        self.mix = Mixture(channels, 6 * width, scale)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.mix(torch.cat([branch(x) for branch in self.branches], dim=1), x)
        return y


class RFBs(nn.Module):
    """Look at the map likewise with strips for kernels: the small block for shallow maps."""

    site = "after"

    def __init__(self, channels: int, reduction: int = 4, scale: float = 0.1) -> None:
        super().__init__()
        width = narrowed(channels, reduction, 4)
        tall, wide = (3, 1), (1, 3)
        self.branches = nn.ModuleList(
            [
                Branch([channels, width], [], 1),
                Branch([channels, width, width], [tall], 3),
                Branch([channels, width, width], [wide], 3),
                Branch([channels, width // 2, width // 4 * 3, width], [wide, tall], 5),
            ]
        )
        self.mix = Mixture(channels, 4 * width, scale)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.mix(torch.cat([branch(x) for branch in self.branches], dim=1), x)
        return y


class Branch(nn.Sequential):
    """A 1x1 convolution, some with `kernels`, then a dilated 3x3 that is not activated."""

    def __init__(self, widths: list[int], kernels: list[Kernel], dilation: int) -> None:
        steps = zip(pairwise(widths), [(1, 1), *kernels], strict=True)
        convs = [steady(channels, out, kernel) for (channels, out), kernel in steps]
        last = steady(widths[-1], widths[-1], (3, 3), dilation)
        super().__init__(*(layer for conv in convs for layer in (*conv, nn.ReLU())), *last)


class Mixture(nn.Module):
    """Add a 1x1 convolution of what branches saw, `scale` times, to one of the map."""

    def __init__(self, channels: int, seen: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.mix = steady(seen, channels, (1, 1))
        self.shortcut = steady(channels, channels, (1, 1))
        self.relu = nn.ReLU()

    def forward(self, seen: Tensor, x: Tensor) -> Tensor:
        y: Tensor = self.relu(self.mix(seen) * self.scale + self.shortcut(x))
        return y


def steady(channels: int, out: int, kernel: Kernel, dilation: int = 1) -> nn.Sequential:
    """Return a convolution that keeps the size, with its norm."""
    down, across = (side // 2 * dilation for side in kernel)
    return nn.Sequential(
        nn.Conv2d(channels, out, kernel, padding=(down, across), dilation=dilation, bias=False),
        nn.BatchNorm2d(out, momentum=0.01),
    )


def narrowed(channels: int, reduction: int, parts: int) -> int:
    """Return the width of the branches, which they divide further."""
    width = channels // reduction
    if width < parts:
        raise ValueError(
            f"channels = {channels} leaves branches of {width} channels, which is under {parts}"
        )
    return width
