"""Convolutional Block Attention (CBAM), Woo et al. 2018, https://arxiv.org/abs/1807.06521."""

import torch
from torch import Tensor, nn


class ChannelGate(nn.Module):
    """Channel weights from one perceptron shared by the average and the maximum."""

    def __init__(self, channels: int, reduction: int, bias: bool, floor: int) -> None:
        super().__init__()
        hidden = max(floor, channels // reduction)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.maximum = nn.AdaptiveMaxPool2d(1)
        self.perceptron = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=bias),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1, bias=bias),
        )

    def forward(self, x: Tensor) -> Tensor:
        average: Tensor = self.perceptron(self.average(x))
        maximum: Tensor = self.perceptron(self.maximum(x))
        return (average + maximum).sigmoid()


class SpatialGate(nn.Module):
    """Pixel weights from the maximum and the mean over channels."""

    def __init__(self, kernel: int, norm: bool) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; a pixel gate needs an odd kernel")
        self.conv = nn.Conv2d(2, 1, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=0.01) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        pools = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], dim=1)
        logits: Tensor = self.norm(self.conv(pools))
        return logits.sigmoid()


class CBAM(nn.Module):
    """Weigh the channels, then the pixels.

    The default is the authors' released code, which the published counts reproduce. Others leave
    out `bias` and `norm`, and keep `floor` hidden channels.
    """

    site = "gate"

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        kernel: int = 7,
        bias: bool = True,
        norm: bool = True,
        floor: int = 1,
    ) -> None:
        super().__init__()
        self.channel = ChannelGate(channels, reduction, bias, floor)
        self.spatial = SpatialGate(kernel, norm)

    def forward(self, x: Tensor) -> Tensor:
        channels: Tensor = self.channel(x)
        x = x * channels
        pixels: Tensor = self.spatial(x)
        return x * pixels
