"""Spatial and Channel Synergistic Attention (SCSA), Si et al. 2024.

Neurocomputing 634, 129866 (2025), https://arxiv.org/abs/2407.05128
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SMSA(nn.Module):
    """Gate rows and columns by depthwise convolutions of their means, one kernel per group."""

    site = "inner"

    def __init__(
        self, channels: int, kernels: Sequence[int] = (3, 5, 7, 9), gate: str = "sigmoid"
    ) -> None:
        super().__init__()
        if channels % len(kernels):
            raise ValueError(f"channels = {channels} is not divisible by {len(kernels)} kernels")
        if not all(kernel % 2 for kernel in kernels):
            raise ValueError(f"kernels = {tuple(kernels)} are not all odd, so none stays centred")
        width = channels // len(kernels)
        self.convs = nn.ModuleList(
            nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width) for kernel in kernels
        )
        self.row_norm = nn.GroupNorm(len(kernels), channels)
        self.column_norm = nn.GroupNorm(len(kernels), channels)
        self.gate = known(gate)

    def forward(self, x: Tensor) -> Tensor:
        rows = self._weigh(x.mean(3), self.row_norm).unsqueeze(3)
        columns = self._weigh(x.mean(2), self.column_norm).unsqueeze(2)
        return x * rows.to(x.dtype) * columns.to(x.dtype)

    def _weigh(self, means: Tensor, norm: nn.Module) -> Tensor:
        groups = zip(self.convs, means.chunk(len(self.convs), 1), strict=True)
        logits: Tensor = norm(torch.cat([conv(group) for conv, group in groups], dim=1))
        return squash(logits, self.gate, dim=2)


class PCSA(nn.Module):
    """Gate channels by their attention to each other on a coarse grid.

    `window` is the side of the grid's cells, `None` one cell for the whole map; rows and columns
    that fill no cell are left out.
    """

    site = "inner"

    def __init__(
        self,
        channels: int,
        heads: int = 1,
        window: int | None = 7,
        pool: str = "average",
        qkv_bias: bool = False,
        gate: str = "sigmoid",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(f"channels = {channels} is not divisible by {heads} heads")
        self.heads = heads
        self.window = window
        self.pool = grid(pool, window)
        self.norm = nn.GroupNorm(1, channels)
        self.query = nn.Conv2d(channels, channels, 1, groups=channels, bias=qkv_bias)
        self.key = nn.Conv2d(channels, channels, 1, groups=channels, bias=qkv_bias)
        self.value = nn.Conv2d(channels, channels, 1, groups=channels, bias=qkv_bias)
        self.dropout = nn.Dropout(dropout)
        self.gate = known(gate)

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        if self.window is not None and min(height, width) < self.window:
            raise ValueError(
                f"a {height}x{width} map is smaller than the window of {self.window}; "
                "window=None pools globally"
            )
        cells = self.norm(self.pool(x))
        per_head = (n, self.heads, channels // self.heads, -1)
        query: Tensor = self.query(cells).reshape(per_head)
        key: Tensor = self.key(cells).reshape(per_head)
        value: Tensor = self.value(cells).reshape(per_head)
        scores = query @ key.transpose(2, 3) * query.shape[2] ** -0.5
        mixed: Tensor = self.dropout(F.softmax(scores, dim=3)) @ value
        weights = squash(mixed.mean(3).reshape(n, channels, 1, 1), self.gate, dim=1)
        return x * weights.to(x.dtype)


class SCSA(nn.Module):
    """Gate rows and columns (SMSA), then channels (PCSA)."""

    site = "inner"

    def __init__(
        self,
        channels: int,
        heads: int = 1,
        window: int | None = 7,
        kernels: Sequence[int] = (3, 5, 7, 9),
        pool: str = "average",
        qkv_bias: bool = False,
        gate: str = "sigmoid",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.spatial = SMSA(channels, kernels, gate)
        self.channel = PCSA(channels, heads, window, pool, qkv_bias, gate, dropout)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.channel(self.spatial(x))
        return y


def grid(pool: str, window: int | None) -> nn.Module:
    """Return the pool over cells of `window` x `window`, or over the whole map."""
    if pool not in ("average", "maximum"):
        raise ValueError(f"pool = {pool!r} is not one of 'average', 'maximum'")
    if window is None:
        return nn.AdaptiveAvgPool2d(1) if pool == "average" else nn.AdaptiveMaxPool2d(1)
    return nn.AvgPool2d(window) if pool == "average" else nn.MaxPool2d(window)


def known(gate: str) -> str:
    """Return the gate's name, if `squash` knows it."""
    if gate not in ("sigmoid", "softmax"):
        raise ValueError(f"gate = {gate!r} is not one of 'sigmoid', 'softmax'")
    return gate


def squash(logits: Tensor, gate: str, dim: int) -> Tensor:
    """Return weights between 0 and 1; under a softmax they sum to 1 along `dim`."""
    return logits.sigmoid() if gate == "sigmoid" else F.softmax(logits, dim=dim)
