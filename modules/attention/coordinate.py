"""Coordinate Attention (CA), Hou et al. 2021, https://arxiv.org/abs/2103.02907."""

import torch
from torch import Tensor, nn


class CoordinateAttention(nn.Module):
    """Weigh each pixel by a gate of its row times a gate of its column, both per channel.

    The authors' first convolution has a bias; this one has none, as in the SCSA repository, whose
    counts it meets.
    """

    site = "inner"

    def __init__(self, channels: int, reduction: int = 32) -> None:
        super().__init__()
        hidden = max(8, channels // reduction)
        self.reduce = nn.Conv2d(channels, hidden, 1, bias=False)
        self.norm = nn.BatchNorm2d(hidden)
        self.act = nn.Hardswish(inplace=True)
        self.rows = nn.Conv2d(hidden, channels, 1)
        self.columns = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        height = x.shape[2]
        profile = torch.cat([x.mean(3, keepdim=True), x.mean(2).unsqueeze(3)], dim=2)
        hidden: Tensor = self.act(self.norm(self.reduce(profile)))
        rows: Tensor = self.rows(hidden[:, :, :height])
        columns: Tensor = self.columns(hidden[:, :, height:].transpose(2, 3))
        return x * rows.sigmoid() * columns.sigmoid()
