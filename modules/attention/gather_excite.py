"""Gather-Excite (GE-θ+), Hu et al. 2018, https://arxiv.org/abs/1810.12348."""

from torch import Tensor, nn
from torch.nn import functional as F


class GatherExcite(nn.Module):
    """Gate each channel by a depthwise convolution over its whole map, then a bottleneck.

    That kernel has the size of the map, by default what a ResNet for 224x224 images has there: 56
    at `base` channels, half as much where they double, down to 7. Other maps are pooled to `size`.
    """

    site = "gate"

    def __init__(
        self, channels: int, reduction: int = 16, base: int = 256, size: int | None = None
    ) -> None:
        super().__init__()
        self.size = min(56, max(7, 56 * base // channels)) if size is None else size
        hidden = max(1, channels // reduction)
        self.gather = nn.Conv2d(channels, channels, self.size, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.reduce = nn.Conv2d(channels, hidden, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.expand = nn.Conv2d(hidden, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gathered: Tensor = self.norm(self.gather(F.adaptive_avg_pool2d(x, self.size)))
        logits: Tensor = self.expand(self.relu(self.reduce(gathered)))
        return x * logits.sigmoid()
