"""Efficient Local Attention (ELA), Xu and Wan 2024, https://arxiv.org/abs/2403.01123."""

from torch import Tensor, nn


class ELA(nn.Module):
    """Weigh each pixel by a gate along its row times one along its column, sharing weights."""

    site = "inner"

    def __init__(self, channels: int, kernel: int = 7, groups: int = 16) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(f"channels = {channels} is not divisible by {groups} groups")
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; ELA needs an odd kernel to stay centred")
        self.conv = nn.Conv1d(
            channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False
        )
        self.norm = nn.GroupNorm(groups, channels)

    def forward(self, x: Tensor) -> Tensor:
        rows: Tensor = self.norm(self.conv(x.mean(3)))
        columns: Tensor = self.norm(self.conv(x.mean(2)))
        # the norm is float32 under autocast and must not make the map so
        weights = rows.sigmoid().unsqueeze(3) * columns.sigmoid().unsqueeze(2)
        return x * weights.to(x.dtype)
