"""Non-local block, Wang et al. 2018, https://arxiv.org/abs/1711.07971."""

import torch
from torch import Tensor, nn

KINDS = ("embedded", "gaussian", "dot", "concatenation")


class NonLocal(nn.Module):
    """Add to each pixel a mean of the others' values, weighed by how a pair of pixels fits.

    `kind` is the pair's function: an exponential of the product of linear maps, of the pixels
    themselves, that product as it is, or a ReLU of a linear map of both. Keys and values are the
    maxima of `pool`ed cells, so memory grows with the square of the pixels over `pool` squared.
    """

    site = "after"

    def __init__(
        self,
        channels: int,
        reduction: int = 2,
        kind: str = "embedded",
        pool: int = 2,
        norm: bool = True,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"kind = {kind!r} is not one of {', '.join(KINDS)}")
        hidden = max(1, channels // reduction)
        self.kind = kind
        self.value = nn.Conv2d(channels, hidden, 1)
        self.out = nn.Sequential(nn.Conv2d(hidden, channels, 1))
        if norm:
            self.out.append(nn.BatchNorm2d(channels))
        self.query = nn.Identity() if kind == "gaussian" else nn.Conv2d(channels, hidden, 1)
        self.key = nn.Identity() if kind == "gaussian" else nn.Conv2d(channels, hidden, 1)
        self.pair = None
        if kind == "concatenation":
            self.pair = nn.Sequential(nn.Conv2d(2 * hidden, 1, 1, bias=False), nn.ReLU())
        # a last odd row or column makes cells too
        self.pool = nn.MaxPool2d(pool, ceil_mode=True) if pool > 1 else nn.Identity()
        self.softmax = nn.Softmax(dim=2)
        self.initialise()

    def initialise(self) -> None:
        """Start as the identity."""
        for parameter in self.out[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.context(x, x)

    def context(self, x: Tensor, source: Tensor) -> Tensor:
        """Return what each pixel of `x` gathers from the pixels of `source`."""
        query: Tensor = self.query(x).flatten(2)
        key: Tensor = self.pool(self.key(source)).flatten(2)
        value: Tensor = self.pool(self.value(source)).flatten(2)
        gathered = value @ self.weights(query, key).transpose(1, 2)
        y: Tensor = self.out(gathered.unflatten(2, x.shape[2:]))
        return y

    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        """Return how much each query takes of each key, (n, queries, keys)."""
        if self.pair is not None:
            shape = (*query.shape, key.shape[2])
            both = torch.cat([query[..., None].expand(shape), key[:, :, None].expand(shape)], dim=1)
            return self.mean(self.pair(both).squeeze(1))
        products = query.transpose(1, 2) @ key
        return self.mean(products) if self.kind == "dot" else self.softmax(products)

    def mean(self, fits: Tensor) -> Tensor:
        """Divide by the number of keys, where nothing else makes a mean of the sum."""
        return fits / fits.shape[2]
