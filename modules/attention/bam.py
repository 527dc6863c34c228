"""Bottleneck Attention (BAM), Park et al. 2018, https://arxiv.org/abs/1807.06514."""

from collections.abc import Iterator

from torch import Tensor, nn


class BAM(nn.Module):
    """Add to the map itself, weighed by a gate of the channels times a gate of the pixels.

    The channels are averaged over the whole map; the released code sees its first `h` columns.
    """

    site = "after"

    def __init__(
        self, channels: int, reduction: int = 16, dilation: int = 4, convs: int = 2
    ) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.channel = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), *reduce(channels, hidden), nn.Conv2d(hidden, channels, 1)
        )
        context = (
            layer
            for _ in range(convs)
            for layer in reduce(hidden, hidden, 3, padding=dilation, dilation=dilation)
        )
        self.pixel = nn.Sequential(*reduce(channels, hidden), *context, nn.Conv2d(hidden, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.channel(x) * self.pixel(x)
        return x * (1 + logits.sigmoid())


def reduce(
    channels: int, out: int, kernel: int = 1, padding: int = 0, dilation: int = 1
) -> Iterator[nn.Module]:
    """Yield a convolution, its norm and its activation."""
    yield nn.Conv2d(channels, out, kernel, padding=padding, dilation=dilation)
    yield nn.BatchNorm2d(out)
    yield nn.ReLU(inplace=True)
