"""Interaction-and-Aggregation (IA), Hou et al. 2019, https://arxiv.org/abs/1907.08435."""

import torch
from torch import Tensor, nn


class SIA(nn.Module):
    """Add to each pixel the pixels that resemble it and lie near (spatial interaction).

    A pair's weight is its likeness times a Gaussian of its distance, `spread` pixels wide, and a
    pixel's weights sum to one; the released code flattens the product by another softmax.
    """

    site = "after"

    def __init__(self, channels: int, spread: float = 5.0) -> None:
        super().__init__()
        self.spread = spread
        self.norm = nn.BatchNorm2d(channels)
        self.softmax = nn.Softmax(dim=2)
        self.initialise()

    def initialise(self) -> None:
        """Start as the identity."""
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.flatten(2)
        likeness = pixels.transpose(1, 2) @ pixels * x.shape[1] ** -0.5
        weights: Tensor = self.softmax(likeness - self.distances(x))
        y: Tensor = self.norm((pixels @ weights.transpose(1, 2)).view_as(x))
        return x + y

    def distances(self, x: Tensor) -> Tensor:
        """Return the exponent of the Gaussian for each pair of pixels, (pixels, pixels)."""
        height, width = x.shape[2:]
        down = torch.arange(height, device=x.device)
        across = torch.arange(width, device=x.device)
        rows = (down[:, None] - down).square()[:, None, :, None]
        columns = (across[:, None] - across).square()[None, :, None]
        square = (rows + columns).reshape(height * width, height * width)
        return square.to(x.dtype) / (2 * self.spread**2)


class CIA(nn.Module):
    """Add to each channel the channels that resemble it (channel interaction)."""

    site = "after"

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.softmax = nn.Softmax(dim=2)
        self.initialise()

    def initialise(self) -> None:
        """Start as the identity."""
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.flatten(2)
        weights: Tensor = self.softmax(pixels @ pixels.transpose(1, 2))
        y: Tensor = self.norm((weights @ pixels).view_as(x))
        return x + y


class IA(nn.Sequential):
    """Let the pixels interact, then the channels."""

    site = "after"

    def __init__(self, channels: int, spread: float = 5.0) -> None:
        super().__init__(SIA(channels, spread), CIA(channels))
