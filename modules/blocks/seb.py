"""Semantic Embedding Branch (SEB, ExFuse), Zhang et al. 2018, https://arxiv.org/abs/1804.03821."""

from torch import Tensor, nn
from torch.nn import functional as F


class SEB(nn.Module):
    """Multiply a shallow map by a deeper, smaller one brought to its size.

    `deep` is the channels of the deeper map, where it has others.
    """

    site = "fuse"

    def __init__(self, channels: int, deep: int | None = None) -> None:
        super().__init__()
        self.deep = nn.Conv2d(deep or channels, channels, 3, padding=1)
        self.shallow = nn.Conv2d(channels, channels, 1)

    def forward(self, deep: Tensor, shallow: Tensor) -> Tensor:
        enlarged = F.interpolate(
            self.deep(deep), shallow.shape[2:], mode="bilinear", align_corners=True
        )
        weighed: Tensor = self.shallow(shallow)
        return enlarged * weighed
