"""Context module of the Single Stage Headless face detector (SSH), Najibi et al. 2017.

https://arxiv.org/abs/1708.03979
"""

import torch
from torch import Tensor, nn

from modules.blocks.conv_norm import conv_norm_relu


class SSH(nn.Module):
    """Join what two and what three 3x3 convolutions in a row see, half of the channels each."""

    site = "after"

    def __init__(self, channels: int) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f"channels = {channels} is not divisible by 2 halves")
        half = channels // 2
        self.stem = conv_norm_relu(channels, half, 3, bias=True)
        self.near = conv_norm_relu(half, half, 3, bias=True)
        self.far = nn.Sequential(
            *conv_norm_relu(half, half, 3, bias=True), *conv_norm_relu(half, half, 3, bias=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x)
        return torch.cat([self.near(stem), self.far(stem)], dim=1)
