"""Spatial Pyramid Pooling (SPP), He et al. 2014, https://arxiv.org/abs/1406.4729."""

import torch
from torch import Tensor, nn


class SPP(nn.Module):
    """Return the maxima over grids of 1x1 to `levels` x `levels` cells in one vector per image.

    It has no site: it stands before a linear layer that is to take images of any size.
    """

    def __init__(self, levels: int = 3) -> None:
        super().__init__()
        self.pools = nn.ModuleList(nn.AdaptiveMaxPool2d(level) for level in range(1, levels + 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([pool(x).flatten(1) for pool in self.pools], dim=1)
