"""Spatial Pyramid Attention (SPA), Ma et al. 2021, https://doi.org/10.1109/TMM.2021.3068576."""

from collections.abc import Sequence

from torch import Tensor, nn

from modules.attention.mspa import SPR


class SPA(nn.Module):
    """Scale each channel by a gate computed from average pools on a pyramid of grids.

    The authors pool to 1, 2 and 4 and have no biases; the SPA row of the MSPANet tables is met by
    that paper's own SPR, which pools to 1 and 2 and has them. The latter is the default.
    """

    site = "gate"

    def __init__(self, channels: int, reduction: int = 16, grid: Sequence[int] = (1, 2)) -> None:
        super().__init__()
        self.gate = SPR(channels, reduction, grid)

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.gate(x)
        return x * weights
