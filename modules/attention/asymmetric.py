"""Asymmetric Non-local blocks (APNB, AFNB), Zhu et al. 2019, https://arxiv.org/abs/1908.07678."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from modules.blocks.conv_norm import conv_norm_relu


class Pyramid(nn.Module):
    """The averages over grids of several sizes, in one row: (n, c, h, w) to (n, c, cells)."""

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__()
        self.pools = nn.ModuleList(nn.AdaptiveAvgPool2d(size) for size in sizes)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([pool(x).flatten(2) for pool in self.pools], dim=2)


class Anchored(nn.Module):
    """Give each query a mean of the anchors' values; the anchors are a pyramid of averages."""

    def __init__(self, channels: int, hidden: int, out: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.key = conv_norm_relu(channels, hidden, bias=True)
        self.value = nn.Conv2d(channels, hidden, 1)
        self.out = nn.Conv2d(hidden, out, 1)
        self.pyramid = Pyramid(sizes)
        self.softmax = nn.Softmax(dim=2)
        self.initialise()

    def initialise(self) -> None:
        """Start without a context."""
        nn.init.zeros_(self.out.weight)
        if self.out.bias is not None:
            nn.init.zeros_(self.out.bias)

    def forward(self, query: Tensor, keys: Tensor, source: Tensor) -> Tensor:
        key: Tensor = self.pyramid(keys)
        value: Tensor = self.pyramid(self.value(source))
        scale = query.shape[1] ** -0.5
        weights: Tensor = self.softmax(query.flatten(2).transpose(1, 2) @ key * scale)
        y: Tensor = self.out((value @ weights.transpose(1, 2)).unflatten(2, query.shape[2:]))
        return y


class APNB(nn.Module):
    """Mix into each pixel the anchors of its own map that resemble it (pyramid non-local block).

    Keys are queries too. The context joins the map as more channels, not as a sum.
    """

    site = "after"

    def __init__(
        self,
        channels: int,
        reduction: int = 2,
        sizes: Sequence[int] = (1, 3, 6, 8),
        dropout: float = 0.05,
    ) -> None:
        super().__init__()
        self.attend = Anchored(channels, max(1, channels // reduction), channels, sizes)
        self.join = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        query: Tensor = self.attend.key(x)
        y: Tensor = self.join(torch.cat([self.attend(query, query, x), x], dim=1))
        return y


class AFNB(nn.Module):
    """Mix into each pixel of a deep map the anchors of a shallow one (fusion non-local block).

    `low` is the channels of the shallow map, where it has others.
    """

    site = "fuse"

    def __init__(
        self,
        channels: int,
        low: int | None = None,
        reduction: int = 8,
        sizes: Sequence[int] = (1, 3, 6, 8),
        dropout: float = 0.05,
    ) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.query = conv_norm_relu(channels, hidden, bias=True)
        self.attend = Anchored(low or channels, hidden, channels, sizes)
        self.join = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 1), nn.BatchNorm2d(channels), nn.Dropout2d(dropout)
        )

    def forward(self, x: Tensor, shallow: Tensor) -> Tensor:
        context: Tensor = self.attend(self.query(x), self.attend.key(shallow), shallow)
        y: Tensor = self.join(torch.cat([context, x], dim=1))
        return y
