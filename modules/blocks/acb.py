"""Asymmetric Convolution Block (ACNet), Ding et al. 2019, https://arxiv.org/abs/1908.03930."""

import torch
from torch import Tensor, nn

from modules.blocks.fuse_norm import fuse_norm


class ACBlock(nn.Module):
    """Add a vertical and a horizontal strip to a square convolution, each normed.

    `fused()` is the one convolution that does the same at inference. Strips are as long as the
    kernel, as in the paper; the zoo's are always 3 long.
    """

    site = "mix"

    def __init__(self, planes: int, stride: int = 1, kernel: int = 3) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; ACBlock needs an odd kernel")
        self.channels = planes
        shapes = ((kernel, kernel), (kernel, 1), (1, kernel))
        self.convs = nn.ModuleList(
            nn.Conv2d(planes, planes, (h, w), stride, (h // 2, w // 2), bias=False)
            for h, w in shapes
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(planes) for _ in shapes)

    def forward(self, x: Tensor) -> Tensor:
        square, vertical, horizontal = (
            norm(conv(x)) for conv, norm in zip(self.convs, self.norms, strict=True)
        )
        y: Tensor = square + vertical + horizontal
        return y

    def fused(self) -> nn.Conv2d:
        """Return one square convolution, with a bias, that does the same in eval mode."""
        pairs = zip(self.convs.children(), self.norms.children(), strict=True)
        square, *strips = (
            fuse_norm(conv, norm)
            for conv, norm in pairs
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        )
        size = square.kernel_size[0]
        with torch.no_grad():
            for strip in strips:
                down, across = ((size - side) // 2 for side in strip.kernel_size)
                square.weight += nn.functional.pad(strip.weight, (across, across, down, down))
                if square.bias is not None and strip.bias is not None:
                    square.bias += strip.bias
        return square
