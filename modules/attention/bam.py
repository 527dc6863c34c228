"""Bottleneck Attention (BAM), Park et al. 2018, https://arxiv.org/abs/1807.06514."""

from torch import Tensor, nn

from modules.blocks.conv_norm import conv_norm_relu


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
            nn.AdaptiveAvgPool2d(1),
            *conv_norm_relu(channels, hidden, bias=True),
            nn.Conv2d(hidden, channels, 1),
        )
        context = (
            layer
            for _ in range(convs)
            for layer in conv_norm_relu(hidden, hidden, 3, dilation=dilation, bias=True)
        )
        self.pixel = nn.Sequential(
            *conv_norm_relu(channels, hidden, bias=True), *context, nn.Conv2d(hidden, 1, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.channel(x) * self.pixel(x)
        return x * (1 + logits.sigmoid())
