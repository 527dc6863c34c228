"""Concurrent Spatial and Channel Squeeze-and-Excitation (scSE), Roy et al. 2018.

https://arxiv.org/abs/1803.02579
"""

from torch import Tensor, nn

from modules.attention.se import SEGate


class SSE(nn.Module):
    """Scale each pixel by a gate computed from its own channels (sSE)."""

    site = "gate"

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(channels, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.weigh(x)
        return x * logits.sigmoid()


class SCSE(nn.Module):
    """Add what a gate of the channels and a gate of the pixels leave of the map.

    As in the paper a ReLU stands inside the channels' bottleneck; the zoo's code forgot it.
    """

    site = "gate"

    def __init__(self, channels: int, reduction: int = 2) -> None:
        super().__init__()
        self.channel = SEGate(channels, reduction, bias=False)
        self.pixel = SSE(channels)

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.channel(x)
        by_pixels: Tensor = self.pixel(x)
        return x * weights + by_pixels
