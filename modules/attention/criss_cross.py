"""Criss-Cross Attention (CCNet), Huang et al. 2019, https://arxiv.org/abs/1811.11721."""

import torch
from torch import Tensor, nn


class CrissCross(nn.Module):
    """Add to each pixel the pixels of its row and its column that resemble it, gamma times.

    Done `recurrence` times with the same weights; after two a pixel has seen all others.
    """

    site = "after"

    def __init__(self, channels: int, reduction: int = 8, recurrence: int = 2) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.recurrence = recurrence
        self.query = nn.Conv2d(channels, hidden, 1)
        self.key = nn.Conv2d(channels, hidden, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        # no dimension, so that a float32 gamma leaves a half-precision map what it is
        self.gamma = nn.Parameter(torch.empty(()))
        self.softmax = nn.Softmax(dim=3)
        self.initialise()

    def initialise(self) -> None:
        """Start as the identity."""
        nn.init.zeros_(self.gamma)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.recurrence):
            x = self.gamma * self.cross(x) + x
        return x

    def cross(self, x: Tensor) -> Tensor:
        """Return the mean of the values on each pixel's row and column, itself counted once."""
        height, width = x.shape[2:]
        query, key, value = self.query(x), self.key(x), self.value(x)
        # rows are (n, h, w, c), columns (n, w, h, c): the axis a pixel looks along comes third
        row_query, row_key, row_value = (t.permute(0, 2, 3, 1) for t in (query, key, value))
        column_query, column_key, column_value = (
            t.permute(0, 3, 2, 1) for t in (query, key, value)
        )
        along_row = row_query @ row_key.transpose(2, 3)
        along_column = column_query @ column_key.transpose(2, 3)
        itself = torch.eye(height, dtype=torch.bool, device=x.device)
        along_column = along_column.masked_fill(itself, float("-inf")).transpose(1, 2)
        weights: Tensor = self.softmax(torch.cat([along_row, along_column], dim=3))
        from_row = weights[..., :width] @ row_value
        from_column = (weights[..., width:].transpose(1, 2) @ column_value).transpose(1, 2)
        gathered: Tensor = (from_row + from_column).permute(0, 3, 1, 2)
        return gathered
