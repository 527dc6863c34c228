"""Mixed depthwise convolution (MixConv), Tan and Le 2019, https://arxiv.org/abs/1907.09595."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class MixConv(nn.Module):
    """Convolve groups of channels depthwise, each with its own kernel size.

    With `dense` every kernel sees all channels and has a bias, as in the zoo's code of that name.
    `even` shares the channels out evenly, or else their weights, so that small kernels get more.
    """

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        kernels: Sequence[int] = (3, 5, 7),
        dense: bool = False,
        even: bool = True,
    ) -> None:
        super().__init__()
        if not all(kernel % 2 for kernel in kernels):
            raise ValueError(f"kernels = {tuple(kernels)} are not all odd, so none stays centred")
        self.channels = planes
        self.dense = dense
        self.widths = shares(planes, kernels, even)
        if min(self.widths) < 1:
            raise ValueError(f"planes = {planes} leaves one of {len(kernels)} kernels no channel")
        self.convs = nn.ModuleList(
            nn.Conv2d(
                planes if dense else width,
                width,
                kernel,
                stride,
                kernel // 2,
                groups=1 if dense else width,
                bias=dense,
            )
            for width, kernel in zip(self.widths, kernels, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = [x] * len(self.convs) if self.dense else torch.split(x, self.widths, dim=1)
        return torch.cat([conv(p) for conv, p in zip(self.convs, parts, strict=True)], dim=1)


def shares(planes: int, kernels: Sequence[int], even: bool) -> list[int]:
    """Share the planes out evenly or as the inverse of the kernels' areas, whole numbers each."""
    if even:
        count = len(kernels)
        # each ends where an even share of the way from the first channel to the last does
        ends = [(planes - 1) * (index + 1) // count + 1 for index in range(count)]
        return [end - start for start, end in zip([0, *ends], ends, strict=False)]
    inverse = [1 / kernel**2 for kernel in kernels]
    widths = [round(planes * part / sum(inverse)) for part in inverse]
    return [widths[0] + planes - sum(widths), *widths[1:]]
