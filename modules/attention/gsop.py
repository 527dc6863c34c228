"""Global Second-order Pooling (GSoP), Gao et al. 2019, https://arxiv.org/abs/1811.12006."""

from math import log2

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FUSIONS = ("channels", "pixels", "average", "maximum", "concatenation")


class Rows(nn.Sequential):
    """Norm a covariance (n, size, size, 1), then turn each of its rows into `multiple` numbers."""

    def __init__(self, size: int, multiple: int = 4) -> None:
        super().__init__(
            nn.BatchNorm2d(size),
            nn.Conv2d(size, multiple * size, (size, 1), groups=size),
        )


class ChannelCovariance(nn.Module):
    """Channel weights (n, c, 1, 1) from how `hidden` mixtures of the channels vary together."""

    def __init__(self, channels: int, hidden: int, stride: int) -> None:
        super().__init__()
        self.relu = nn.ReLU()
        self.reduce = nn.Conv2d(channels, hidden, 1, stride)
        self.norm = nn.BatchNorm2d(hidden)
        self.rows = Rows(hidden)
        self.expand = nn.Conv2d(4 * hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        reduced: Tensor = self.relu(self.norm(self.reduce(self.relu(x))))
        logits: Tensor = self.expand(self.rows(covariance(reduced.flatten(2))))
        return logits.sigmoid()


class PixelCovariance(nn.Module):
    """Pixel weights (n, 1, h, w) from how the cells of a grid vary together over the channels."""

    def __init__(self, channels: int, hidden: int, grid: int = 8) -> None:
        super().__init__()
        self.grid = grid
        self.relu = nn.ReLU()
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.norm = nn.BatchNorm2d(hidden)
        self.pool = nn.AdaptiveAvgPool2d(grid)
        self.rows = Rows(grid * grid)
        self.expand = nn.Conv2d(4 * grid * grid, grid * grid, 1)

    def forward(self, x: Tensor) -> Tensor:
        cells: Tensor = self.pool(self.norm(self.reduce(self.relu(x))))
        logits: Tensor = self.expand(
            self.relu(self.rows(covariance(cells.flatten(2).transpose(1, 2))))
        )
        weights = logits.sigmoid().view(-1, 1, self.grid, self.grid)
        return F.adaptive_avg_pool2d(weights, (x.shape[2], x.shape[3]))


class GSoP(nn.Module):
    """Gate channels or pixels by covariances instead of averages.

    `fusion` takes the gated channels, the gated pixels, or both: their sum, their maximum, or a
    strip convolution of each, which stands for the concatenation. As released, the reduction
    strides where the maps are large (`stride`, by default 2 up to 256 channels). The covariance of
    cells is centred over the channels; the released code divides by the wrong count there.
    """

    site = "gate"

    def __init__(
        self,
        channels: int,
        hidden: int = 128,
        fusion: str = "channels",
        stride: int | None = None,
    ) -> None:
        super().__init__()
        if fusion not in FUSIONS:
            raise ValueError(f"fusion = {fusion!r} is not one of {', '.join(FUSIONS)}")
        self.fusion = fusion
        step = stride or (2 if channels <= 256 else 1)
        self.channel = None if fusion == "pixels" else ChannelCovariance(channels, hidden, step)
        self.pixel = None if fusion == "channels" else PixelCovariance(channels, hidden)
        self.relu = nn.ReLU()
        self.joined = Strips(channels) if fusion == "concatenation" else None

    def forward(self, x: Tensor) -> Tensor:
        gated: list[Tensor] = [
            x * weigh(x) for weigh in (self.channel, self.pixel) if weigh is not None
        ]
        if self.pixel is not None:
            gated[-1] = self.relu(gated[-1])
        if len(gated) == 1:
            return gated[0]
        if self.joined is not None:
            y: Tensor = self.joined(*gated)
            return y
        return gated[0] + gated[1] if self.fusion == "average" else torch.maximum(*gated)


class Strips(nn.Module):
    """Sum a tall grouped convolution of each of two maps, and norm; taller where channels are few.

    Released with groups of 64 channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        groups = max(1, channels // 64)
        if channels % groups:
            raise ValueError(f"channels = {channels} is not divisible by {groups} groups")
        pad = max(0, int(log2(32 / groups))) + 2
        self.first, self.second = (
            nn.Conv2d(channels, channels, (2 * pad + 1, 1), padding=(pad, 0), groups=groups)
            for _ in range(2)
        )
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        z: Tensor = self.norm(self.first(x) + self.second(y))
        return z


def covariance(samples: Tensor) -> Tensor:
    """Return how variables vary together, (n, v, v, 1) from (n, v, samples)."""
    centred = samples - samples.mean(2, keepdim=True)
    return (centred @ centred.transpose(1, 2) / samples.shape[2]).unsqueeze(3)
