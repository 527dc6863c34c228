"""Self-adaptive Pooling Enhanced Attention (SPEM), Zhong et al. 2023.

https://doi.org/10.1007/978-3-031-27818-1_4, https://arxiv.org/abs/2208.10322
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GlobalMinPool2d(nn.Module):
    """Keep the smallest value of each channel."""

    def forward(self, x: Tensor) -> Tensor:
        return x.amin((2, 3), keepdim=True)


POOLS: dict[str, Callable[[], nn.Module]] = {
    "max": partial(nn.AdaptiveMaxPool2d, 1),
    "min": GlobalMinPool2d,
    "avg": partial(nn.AdaptiveAvgPool2d, 1),
}


class SPEM(nn.Module):
    """Gate each channel by a learned mix of its global pools, transformed channel by channel.

    The paper's figure excites the raw pools and has one sigmoid around the product; the released
    code, followed here, excites the transformed pools and multiplies two sigmoids.
    """

    site = "gate"

    def __init__(
        self, channels: int, pools: Sequence[str] = ("max", "min"), alpha: float = 0.1
    ) -> None:
        super().__init__()
        if unknown := [pool for pool in pools if pool not in POOLS]:
            raise ValueError(f"pools has {unknown[0]!r}, which is not one of {list(POOLS)}")
        if not pools:
            raise ValueError(f"pools is empty; SPEM mixes one or more of {list(POOLS)}")
        self.alpha = alpha
        self.pools = nn.ModuleList(POOLS[pool]() for pool in pools)
        self.excite_scale = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.excite_shift = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.scale = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.mixture = nn.Parameter(torch.empty(len(pools)))
        self.initialise()

    def initialise(self) -> None:
        """Start with the same weight on every channel and on every pool."""
        for scale, shift in ((self.excite_scale, self.excite_shift), (self.scale, self.shift)):
            nn.init.zeros_(scale)
            nn.init.constant_(shift, -1)
        nn.init.constant_(self.mixture, 1 / len(self.pools))

    def forward(self, x: Tensor) -> Tensor:
        pooled = [self.scale * pool(x) + self.shift for pool in self.pools]
        # p_i^2 / sum p^2, which stays finite while the penalty drives every p to zero
        shares = F.normalize(self.mixture, dim=0).square()
        mixed = torch.stack([share * value for share, value in zip(shares, pooled, strict=True)])
        excited = self.excite_scale * mixed.sum(0) + self.excite_shift
        weights = torch.stack(pooled).sum(0).sigmoid() * excited.sigmoid()
        return x * weights.to(x.dtype)

    def penalty(self) -> Tensor:
        """Return alpha times the sum of the squared mixing parameters, to add to the loss."""
        return self.alpha * self.mixture.square().sum()
