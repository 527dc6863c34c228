"""Context module of the Single Stage Headless face detector (SSH), Najibi et al. 2017.

https://arxiv.org/abs/1708.03979
"""

import torch
from torch import Tensor, nn


class SSH(nn.Module):
    """Join what two and what three 3x3 convolutions in a row see, half of the channels each."""

    site = "after"

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"channels = {channels} is not divisible by 2 halves")
        half = channels // 2
        self.stem = conv3x3(channels, half)
        self.near = conv3x3(half, half)
        self.far = nn.Sequential(*conv3x3(half, half), *conv3x3(half, half))

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x)
        return torch.cat([self.near(stem), self.far(stem)], dim=1)


def conv3x3(channels: int, out: int) -> nn.Sequential:
    """Return a convolution with its norm and activation."""
    return nn.Sequential(
        nn.Conv2d(channels, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(inplace=True)
    )
