"""Dual Attention (DANet), Fu et al. 2019, https://arxiv.org/abs/1809.02983."""

import torch
from torch import Tensor, nn


class PAM(nn.Module):
    """Add to each pixel the pixels that resemble it (position attention), gamma times.

    Memory grows with the square of the number of pixels.
    """

    site = "after"

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        # no dimension, so that a float32 gamma leaves a half-precision map what it is
        self.gamma = nn.Parameter(torch.empty(()))
        self.query = nn.Conv2d(channels, hidden, 1)
        self.key = nn.Conv2d(channels, hidden, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.softmax = nn.Softmax(dim=2)
        self.initialise()

    def initialise(self) -> None:
        """Start as the identity."""
        nn.init.zeros_(self.gamma)

    def forward(self, x: Tensor) -> Tensor:
        query: Tensor = self.query(x).flatten(2)
        key: Tensor = self.key(x).flatten(2)
        value: Tensor = self.value(x).flatten(2)
        weights: Tensor = self.softmax(query.transpose(1, 2) @ key)
        attended = value @ weights.transpose(1, 2)
        return self.gamma * attended.reshape(x.shape) + x


class CAM(nn.Module):
    """Add to each channel the channels that differ from it (channel attention), gamma times."""

    site = "after"

    def __init__(self, channels: int) -> None:
        super().__init__()
        # no dimension, so that a float32 gamma leaves a half-precision map what it is
        self.gamma = nn.Parameter(torch.empty(()))
        self.softmax = nn.Softmax(dim=2)
        self.initialise()

    def initialise(self) -> None:
        """Start as the identity."""
        nn.init.zeros_(self.gamma)

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.flatten(2)
        similarity = pixels @ pixels.transpose(1, 2)
        weights: Tensor = self.softmax(similarity.amax(2, keepdim=True) - similarity)
        return self.gamma * (weights @ pixels).reshape(x.shape) + x


class DualAttention(nn.Module):
    """Sum position and channel attention; meant for once per stage, where it starts as 2 * x."""

    site = "after"

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.position = PAM(channels, reduction)
        self.channel = CAM(channels)

    def forward(self, x: Tensor) -> Tensor:
        position: Tensor = self.position(x)
        channel: Tensor = self.channel(x)
        return position + channel
