"""Triplet Attention, Misra et al. 2021, https://arxiv.org/abs/2010.03045."""

from torch import Tensor, nn

from modules.attention.cbam import SpatialGate


class TripletAttention(nn.Module):
    """Average three spatial gates: across channels, across rows and across columns."""

    site = "gate"

    def __init__(self, channels: int, kernel: int = 7) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; TripletAttention needs an odd kernel")
        self.rows = SpatialGate(kernel, norm=True)
        self.columns = SpatialGate(kernel, norm=True)
        self.pixels = SpatialGate(kernel, norm=True)

    def forward(self, x: Tensor) -> Tensor:
        rows: Tensor = self.rows(x.transpose(1, 2))
        columns: Tensor = self.columns(x.transpose(1, 3))
        pixels: Tensor = self.pixels(x)
        return x * ((rows.transpose(1, 2) + columns.transpose(1, 3) + pixels) / 3)
