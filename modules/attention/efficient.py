"""Efficient Attention, Shen et al. 2021, https://arxiv.org/abs/1812.01243."""

from torch import Tensor, nn


class EfficientAttention(nn.Module):
    """Add attention at a price linear in the pixels: keys sum values up before queries ask.

    Each head takes a softmax of its keys over the pixels and of its queries over the channels.
    """

    site = "after"

    def __init__(self, channels: int, reduction: int = 1, heads: int = 8) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        if hidden % heads:
            raise ValueError(
                f"channels = {channels} leaves {hidden} keys, not divisible by {heads} heads"
            )
        self.heads = heads
        self.key = nn.Conv2d(channels, hidden, 1)
        self.query = nn.Conv2d(channels, hidden, 1)
        self.value = nn.Conv2d(channels, hidden, 1)
        self.out = nn.Conv2d(hidden, channels, 1)
        self.softmax_pixels = nn.Softmax(dim=3)
        self.softmax_channels = nn.Softmax(dim=2)

    def forward(self, x: Tensor) -> Tensor:
        key: Tensor = self.softmax_pixels(self.split(self.key(x)))
        query: Tensor = self.softmax_channels(self.split(self.query(x)))
        context = key @ self.split(self.value(x)).transpose(2, 3)
        attended = (context.transpose(2, 3) @ query).flatten(1, 2)
        y: Tensor = self.out(attended.unflatten(2, x.shape[2:]))
        return x + y

    def split(self, x: Tensor) -> Tensor:
        """Return the heads apart, (n, heads, c, pixels)."""
        heads: Tensor = x.flatten(2).unflatten(1, (self.heads, -1))
        return heads
