"""Frequency Channel Attention (FcaNet), Qin et al. 2021, https://arxiv.org/abs/2012.11879."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# frequencies down and across a 7x7 map, in the authors' ranking on ImageNet, best first
DOWN = (0, 0, 6, 0, 0, 1, 1, 4, 5, 1, 3, 0, 0, 0, 3, 2)
ACROSS = (0, 1, 0, 5, 2, 0, 2, 0, 0, 6, 0, 4, 6, 3, 5, 2)


class FCA(nn.Module):
    """Gate each channel by one cosine component of its map instead of its average.

    Each of the `frequencies` best components serves one block of consecutive channels. Maps are
    pooled to `size`, by default what a ResNet for 224x224 images has there: 56 at `base` channels,
    half as much where they double, down to 7. `base` is 256 at a bottleneck's gate, 64 at `inner`.
    """

    site = "gate"
    basis: Tensor

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        frequencies: int = 16,
        base: int = 256,
        size: int | None = None,
    ) -> None:
        super().__init__()
        if not 1 <= frequencies <= len(DOWN):
            raise ValueError(f"frequencies = {frequencies} is not within 1 to {len(DOWN)}")
        if channels % frequencies:
            raise ValueError(f"channels = {channels} is not divisible by {frequencies} frequencies")
        self.size = min(56, max(7, 56 * base // channels)) if size is None else size
        if self.size < 7:
            raise ValueError(f"size = {self.size} is under 7, where the frequencies are defined")
        hidden = max(1, channels // reduction)
        self.frequencies = frequencies
        # fixed by the arguments, so not part of a checkpoint
        self.register_buffer("basis", cosines(self.size, frequencies), persistent=False)
        self.reduce = nn.Linear(channels, hidden, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.expand = nn.Linear(hidden, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.adaptive_avg_pool2d(x, self.size)
        blocks = pooled.reshape(x.shape[0], self.frequencies, -1, self.size, self.size)
        components = (blocks * self.basis).sum((3, 4)).flatten(1)
        logits: Tensor = self.expand(self.relu(self.reduce(components)))
        return x * logits.sigmoid()[:, :, None, None]


def cosines(size: int, frequencies: int) -> Tensor:
    """Return the best cosines of the two-dimensional DCT, (frequencies, 1, size, size)."""
    place = (torch.arange(size, dtype=torch.float64) + 0.5) * math.pi / size
    # waves keep their length in pixels, whatever the size
    order = torch.arange(7) * (size // 7)
    waves = torch.cos(order[:, None] * place) * math.sqrt(2 / size)
    waves[0] = math.sqrt(1 / size)
    down, across = waves[list(DOWN[:frequencies])], waves[list(ACROSS[:frequencies])]
    basis = down[:, None, :, None] * across[:, None, None, :]
    return basis.to(torch.get_default_dtype())
