"""Efficient Channel Attention (ECA), Wang et al. 2020, https://arxiv.org/abs/1910.03151."""

import math

from torch import Tensor, nn


class ECA(nn.Module):
    """Gate each channel by a 1-d convolution over its neighbours' averages."""

    site = "gate"

    def __init__(self, channels: int, k: int | str = "auto") -> None:
        super().__init__()
        size = neighbours(channels) if k == "auto" else int(k)
        if size % 2 == 0:
            raise ValueError(f"k = {size} is even; ECA needs an odd kernel to stay centred")
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.conv = nn.Conv1d(1, 1, size, padding=size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        average = self.pool(x).flatten(2).transpose(1, 2)
        logits: Tensor = self.conv(average)
        return x * logits.sigmoid().transpose(1, 2).unsqueeze(3)


def neighbours(channels: int) -> int:
    """Return the odd kernel size of equation 12: |(log2 C + 1) / 2|."""
    size = int(abs((math.log2(channels) + 1) / 2))
    return size if size % 2 else size + 1
