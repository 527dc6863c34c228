"""Multi-Scale Channel Attention (MS-CAM), Dai et al. 2021, https://arxiv.org/abs/2009.14082."""

from torch import Tensor, nn


class MultiScaleGate(nn.Module):
    """Weights (n, c, h, w) of every pixel, from itself and from the average of the map."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.local = Bottleneck(channels, hidden)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.context = Bottleneck(channels, hidden)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.local(x) + self.context(self.pool(x))
        return logits.sigmoid()


class Bottleneck(nn.Sequential):
    """Two 1x1 convolutions, each with a norm."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__(
            nn.Conv2d(channels, hidden, 1),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1),
            nn.BatchNorm2d(channels),
        )


class MSCAM(nn.Module):
    """Scale every pixel of every channel by what it and the whole map say."""

    site = "gate"

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.gate = MultiScaleGate(channels, reduction)

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.gate(x)
        return x * weights
