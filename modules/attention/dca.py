"""Deep Connected Attention (DCANet), Ma et al. 2020, https://arxiv.org/abs/2007.05099."""

import torch
from torch import Tensor, nn


class DCASE(nn.Module):
    """Squeeze-and-excitation that also looks at what the block before it attended to.

    It has no site, for it takes and returns more than a map: `forward(x, before)` gives the scaled
    map and the attended averages (n, c), which the next one takes as `before`. `previous` is how
    many channels those have; where they are not `channels` a linear layer fits them.
    """

    def __init__(self, channels: int, previous: int | None = None, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Linear(channels, hidden)
        self.relu = nn.ReLU(inplace=True)
        self.expand = nn.Linear(hidden, channels)
        self.fit: nn.Module = nn.Identity()
        if previous not in (None, channels):
            self.fit = nn.Sequential(
                nn.Linear(previous, channels), nn.LayerNorm(channels), nn.ReLU(inplace=True)
            )
        self.connect = nn.Conv1d(2, 1, 1)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor, before: Tensor | None = None) -> tuple[Tensor, Tensor]:
        average: Tensor = self.pool(x).flatten(1)
        joined = average
        if before is not None:
            pair = torch.stack([average, self.fit(before).to(average.dtype)], dim=1)
            joined = self.relu(self.norm(self.connect(pair))).squeeze(1)
        logits: Tensor = self.expand(self.relu(self.reduce(joined)))
        weights = logits.sigmoid().to(x.dtype)
        return x * weights[:, :, None, None], average * weights
