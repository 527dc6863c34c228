"""Weighted feature fusion (BiFPN), Tan et al. 2020, https://arxiv.org/abs/1911.09070.

In the form of YOLOv3's repositories, with sigmoids for weights.
"""

import torch
from torch import Tensor, nn


class WeightedFusion(nn.Module):
    """Add maps with a learned weight each, all one at the start where there are two."""

    site = "fuse"

    def __init__(self, channels: int, maps: int = 2) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(maps))
        self.initialise()

    def initialise(self) -> None:
        """Start with equal weights that sum to one."""
        nn.init.zeros_(self.weight)

    def forward(self, *maps: Tensor) -> Tensor:
        if len(maps) != len(self.weight):
            raise ValueError(
                f"{len(maps)} maps; this WeightedFusion has {len(self.weight)} weights"
            )
        shares = self.weight.sigmoid() * (2 / len(maps))
        return (
            torch.stack([x * share.to(x.dtype) for x, share in zip(maps, shares, strict=True)])
            .sum(0)
            .to(maps[0].dtype)
        )
