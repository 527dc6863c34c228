"""Channel Prior Convolutional Attention (CPCA), Huang et al. 2023.

https://arxiv.org/abs/2306.05196
"""

from collections.abc import Sequence

from torch import Tensor, nn


class ChannelPrior(nn.Module):
    """Channel weights from 0 to 2: one gate of the average plus one of the maximum."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.reduce = nn.Conv2d(channels, hidden, 1)
        self.relu = nn.ReLU(inplace=True)
        self.expand = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        average: Tensor = self.expand(self.relu(self.reduce(x.mean((2, 3), keepdim=True))))
        maximum: Tensor = self.expand(self.relu(self.reduce(x.amax((2, 3), keepdim=True))))
        return average.sigmoid() + maximum.sigmoid()


class Strip(nn.Sequential):
    """A large depthwise window at the price of a row and a column."""

    def __init__(self, channels: int, kernel: int) -> None:
        pad = kernel // 2
        super().__init__(
            nn.Conv2d(channels, channels, (1, kernel), padding=(0, pad), groups=channels),
            nn.Conv2d(channels, channels, (kernel, 1), padding=(pad, 0), groups=channels),
        )


class CPCA(nn.Module):
    """Weigh the channels, then each pixel of each channel by strips of several lengths.

    One 1x1 convolution mixes the channels three times: before, inside and after the attention.
    """

    site = "inner"

    def __init__(
        self, channels: int, reduction: int = 16, strips: Sequence[int] = (7, 11, 21)
    ) -> None:
        super().__init__()
        if any(kernel % 2 == 0 for kernel in strips):
            raise ValueError(f"strips = {tuple(strips)} has an even one; CPCA needs odd lengths")
        self.mix = nn.Conv2d(channels, channels, 1)
        self.act = nn.GELU()
        self.channel = ChannelPrior(channels, reduction)
        self.near = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.strips = nn.ModuleList(Strip(channels, kernel) for kernel in strips)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.mix(x))
        channels: Tensor = self.channel(x)
        x = x * channels
        near: Tensor = self.near(x)
        weights = near
        for strip in self.strips:
            weights = weights + strip(near)
        y: Tensor = self.mix(x * self.mix(weights))
        return y
