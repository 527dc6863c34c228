"""Modules as code has them that calls functions where ours holds layers.

The figures come out the same; a counter that watches layers sees less.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from modules import CBAM


class GlobalPool(nn.Module):
    """Pool the whole map by a function."""

    def __init__(self, pool: Callable[[Tensor, int], Tensor]) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """Return one value a channel, (n, c, 1, 1)."""
        return self.pool(x, 1)


def cbam(channels: int) -> CBAM:
    """Return CBAM as its authors' code and MSPANet's have it, whose pools ptflops does not see."""
    gate = CBAM(channels)
    gate.channel.add_module("average", GlobalPool(F.adaptive_avg_pool2d))
    gate.channel.add_module("maximum", GlobalPool(F.adaptive_max_pool2d))
    return gate
