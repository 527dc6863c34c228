"""Context Gating, Miech et al. 2017, https://arxiv.org/abs/1706.06905."""

from torch import Tensor, nn


class ContextGating(nn.Module):
    """Gate each pixel's channels by a linear map of themselves, normed or with a bias.

    The paper gates one vector per image, which is a 1x1 map.
    """

    site = "gate"

    def __init__(self, channels: int, norm: bool = True) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(channels, channels, 1, bias=not norm)
        self.norm = nn.BatchNorm2d(channels) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.norm(self.weigh(x))
        return x * logits.sigmoid()
