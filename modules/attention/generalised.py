"""Generalised attention, Zhu et al. 2019, https://arxiv.org/abs/1904.05873.

The paper is called "An empirical study of spatial attention mechanisms in deep networks".
"""

import torch
from torch import Tensor, nn


class GeneralisedAttention(nn.Module):
    """Add attention whose logits are a choice of four terms, gamma times.

    `terms` switches them on, in the paper's order: what query and key hold, what the query holds
    and where the key lies from it, what the key holds, where it lies. "0010" is nearly as good as
    "1111" in the paper. Keys are every `stride`-th pixel.
    """

    site = "inner"

    def __init__(self, channels: int, heads: int = 8, terms: str = "1111", stride: int = 1) -> None:
        super().__init__()
        if len(terms) != 4 or set(terms) - {"0", "1"} or "1" not in terms:
            raise ValueError(f"terms = {terms!r} is not four digits like '0010', one of them 1")
        if channels % heads:
            raise ValueError(f"channels = {channels} is not divisible by {heads} heads")
        self.stride = stride
        fits, asks_place, key, place = (digit == "1" for digit in terms)
        self.content = ContentLogits(channels, heads, fits, key) if fits or key else None
        self.place = (
            PlaceLogits(channels, heads, asks_place, place) if asks_place or place else None
        )
        self.query = nn.Conv2d(channels, channels, 1, bias=False) if fits or asks_place else None
        self.value = nn.Conv2d(channels, channels, 1, bias=False)
        self.out = nn.Conv2d(channels, channels, 1)
        self.heads = heads
        # no dimension, so that a float32 gamma leaves a half-precision map what it is
        self.gamma = nn.Parameter(torch.empty(()))
        self.softmax = nn.Softmax(dim=3)
        self.initialise()

    def initialise(self) -> None:
        """Start as the identity."""
        nn.init.zeros_(self.gamma)

    def forward(self, x: Tensor) -> Tensor:
        source = x[:, :, :: self.stride, :: self.stride]
        query = None if self.query is None else apart(self.query(x), self.heads)
        pixels = (*x.shape[2:], *source.shape[2:])
        logits = x.new_zeros(())
        if self.content is not None:
            logits = logits + self.content(query, source)
        if self.place is not None:
            logits = logits + self.place(query, pixels, self.stride)
        weights: Tensor = self.softmax(logits)
        value = apart(self.value(source), self.heads)
        # where no term asks the query, one row of weights serves all pixels
        attended = (weights @ value).transpose(2, 3).flatten(1, 2)
        y: Tensor = self.out(attended.expand(-1, -1, pixels[0] * pixels[1]).reshape(x.shape))
        return x + self.gamma * y


class ContentLogits(nn.Module):
    """Compare each key with the query, with one learned vector per head, or with their sum."""

    def __init__(self, channels: int, heads: int, query: bool, vector: bool) -> None:
        super().__init__()
        self.heads = heads
        self.asks_query = query
        self.key = nn.Conv2d(channels, channels, 1, bias=False)
        self.vector = learned(channels, heads) if vector else None

    def forward(self, query: Tensor | None, source: Tensor) -> Tensor:
        key = apart(self.key(source), self.heads)
        asking = asked(query if self.asks_query else None, self.vector)
        logits: Tensor = asking @ key.transpose(2, 3)
        return logits


class PlaceLogits(nn.Module):
    """Compare where each key lies, from the query's rows and columns, likewise."""

    def __init__(self, channels: int, heads: int, query: bool, vector: bool) -> None:
        super().__init__()
        self.heads = heads
        self.asks_query = query
        self.row = nn.Linear(channels, channels, bias=False)
        self.column = nn.Linear(channels, channels, bias=False)
        self.vector = learned(channels, heads) if vector else None

    def forward(
        self, query: Tensor | None, pixels: tuple[int, int, int, int], stride: int
    ) -> Tensor:
        height, width, key_height, key_width = pixels
        asking = asked(query if self.asks_query else None, self.vector)
        asking = asking.expand(-1, -1, height * width, -1).unflatten(2, (height, width))
        # (queries, keys, heads, c) along one axis: rows and columns add up, so each stands alone
        rows = self.embedded(self.row, height, key_height, stride)
        columns = self.embedded(self.column, width, key_width, stride)
        down = torch.einsum("nhijd,ikhd->nhijk", asking, rows)
        across = torch.einsum("nhijd,jkhd->nhijk", asking, columns)
        logits: Tensor = (down.unsqueeze(5) + across.unsqueeze(4)).flatten(4, 5).flatten(2, 3)
        return logits

    def embedded(self, layer: nn.Linear, queries: int, keys: int, stride: int) -> Tensor:
        """Return what the layer makes of sines and cosines of how far each key lies."""
        like = layer.weight
        steps = torch.arange(queries, device=like.device)[:, None]
        distance = steps - stride * torch.arange(keys, device=like.device)
        channels = layer.in_features
        powers = torch.arange(0, channels, 2, device=like.device) / channels
        angles = distance[:, :, None].to(like.dtype) * 10000 ** -powers.to(like.dtype)
        waves = torch.cat([angles.sin(), angles.cos()], dim=2)[:, :, :channels]
        y: Tensor = layer(waves).unflatten(2, (self.heads, -1))
        return y


def learned(channels: int, heads: int) -> nn.Parameter:
    """Return one small vector per head."""
    return nn.Parameter(0.02 * torch.randn(1, heads, 1, channels // heads))


def asked(query: Tensor | None, vector: Tensor | None) -> Tensor:
    """Return what compares itself with keys, scaled for a softmax."""
    if query is None or vector is None:
        asking = vector if query is None else query
        assert asking is not None
    else:
        asking = query + vector.to(query.dtype)
    scaled: Tensor = asking * asking.shape[3] ** -0.5
    return scaled


def apart(x: Tensor, heads: int) -> Tensor:
    """Return the heads apart with the channels last, (n, heads, pixels, c)."""
    y: Tensor = x.flatten(2).unflatten(1, (heads, -1)).transpose(2, 3)
    return y
