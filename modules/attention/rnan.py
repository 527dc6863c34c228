"""Residual Non-local Attention (RNAN), Zhang et al. 2019, https://arxiv.org/abs/1903.10082."""

from torch import Tensor, nn

from modules.attention.non_local import NonLocal


class ResidualBlock(nn.Module):
    """Add two 3x3 convolutions to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.convs(x)
        return x + y


class RNAN(nn.Module):
    """Weigh a trunk of residual blocks by a mask that looks wide, half the size, and add the input.

    With `non_local` the mask begins with a non-local block; its softmax runs over the keys as in
    the paper, while the released code takes it over the queries.
    """

    site = "after"

    def __init__(self, channels: int, non_local: bool = False) -> None:
        super().__init__()
        self.head = ResidualBlock(channels)
        self.trunk = nn.Sequential(ResidualBlock(channels), ResidualBlock(channels))
        wide = NonLocal(channels, pool=1, norm=False) if non_local else nn.Identity()
        self.enter = nn.Sequential(wide, ResidualBlock(channels))
        self.down = nn.Conv2d(channels, channels, 3, 2, padding=1)
        self.deep = nn.Sequential(ResidualBlock(channels), ResidualBlock(channels))
        self.up = nn.ConvTranspose2d(channels, channels, 6, 2, padding=2)
        self.leave = nn.Sequential(ResidualBlock(channels), nn.Conv2d(channels, channels, 1))
        self.tail = nn.Sequential(ResidualBlock(channels), ResidualBlock(channels))

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        entered: Tensor = self.head(x)
        seen: Tensor = self.enter(entered)
        # doubling gives an odd side back with one row or column too many
        wide: Tensor = self.up(self.deep(self.down(seen)))[:, :, :height, :width]
        mask: Tensor = self.leave(seen + wide)
        y: Tensor = self.tail(self.trunk(entered) * mask.sigmoid() + x)
        return y
