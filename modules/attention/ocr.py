"""Object-Contextual Representations (OCR), Yuan et al. 2020, https://arxiv.org/abs/1909.11065."""

import torch
from torch import Tensor, nn

from modules.blocks.conv_norm import conv_norm_relu


class OCR(nn.Module):
    """Mix into each pixel the regions it belongs to, found by a coarse segmentation of its own.

    `classes` is how many kinds of region there are. A segmentation network also trains the coarse
    logits, `regions(x)`, on the labels.
    """

    site = "after"

    def __init__(
        self, channels: int, classes: int = 19, reduction: int = 2, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.regions = nn.Conv2d(channels, classes, 1)
        self.gather = SpatialGather()
        self.mix = ObjectContext(channels, reduction, dropout)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.mix(x, self.gather(x, self.regions(x)))
        return y


class SpatialGather(nn.Module):
    """Average the pixels of each region, (n, c, regions, 1), by a softmax of its logits."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale
        self.softmax = nn.Softmax(dim=2)

    def forward(self, x: Tensor, logits: Tensor) -> Tensor:
        shares: Tensor = self.softmax(self.scale * logits.flatten(2))
        return (x.flatten(2) @ shares.transpose(1, 2)).unsqueeze(3)


class ObjectContext(nn.Module):
    """Give each pixel a mean of the regions that resemble it, joined to it as more channels.

    The regions, (n, c, regions, 1), come as a second input.
    """

    def __init__(self, channels: int, reduction: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.query = nn.Sequential(
            *conv_norm_relu(channels, hidden), *conv_norm_relu(hidden, hidden)
        )
        self.key = nn.Sequential(*conv_norm_relu(channels, hidden), *conv_norm_relu(hidden, hidden))
        self.value = conv_norm_relu(channels, hidden)
        self.out = conv_norm_relu(hidden, channels)
        self.join = nn.Sequential(*conv_norm_relu(2 * channels, channels), nn.Dropout2d(dropout))
        self.softmax = nn.Softmax(dim=2)

    def forward(self, x: Tensor, regions: Tensor) -> Tensor:
        query: Tensor = self.query(x).flatten(2)
        key: Tensor = self.key(regions).flatten(2)
        value: Tensor = self.value(regions).flatten(2)
        scale = query.shape[1] ** -0.5
        weights: Tensor = self.softmax(query.transpose(1, 2) @ key * scale)
        context = self.out((value @ weights.transpose(1, 2)).unflatten(2, x.shape[2:]))
        y: Tensor = self.join(torch.cat([context, x], dim=1))
        return y
