"""Double Attention (A²-Net), Chen et al. 2018, https://arxiv.org/abs/1810.11579."""

from torch import Tensor, nn


class DoubleAttention(nn.Module):
    """Gather features of the whole map by one attention, then hand them out by another.

    `reduction` narrows the features, `maps` is how many are gathered and handed out, by default a
    quarter of the channels. As in the paper what is handed out comes back to `channels` and is
    added to the map, neither of which the zoo's code does where `reconstruct` is off.
    """

    site = "after"

    def __init__(
        self,
        channels: int,
        reduction: int = 2,
        maps: int | None = None,
        reconstruct: bool = True,
    ) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        count = max(1, channels // 4) if maps is None else maps
        self.feature = nn.Conv2d(channels, hidden, 1)
        self.gather = nn.Conv2d(channels, count, 1)
        self.hand_out = nn.Conv2d(channels, count, 1)
        self.out = nn.Conv2d(hidden, channels, 1) if reconstruct else None
        self.softmax_pixels = nn.Softmax(dim=2)
        self.softmax_maps = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.feature(x).flatten(2)
        gathered: Tensor = self.softmax_pixels(self.gather(x).flatten(2))
        shares: Tensor = self.softmax_maps(self.hand_out(x).flatten(2))
        handed: Tensor = (features @ gathered.transpose(1, 2) @ shares).unflatten(2, x.shape[2:])
        if self.out is None:
            return handed
        y: Tensor = self.out(handed)
        return x + y
