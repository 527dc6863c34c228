"""Lightweight Non-local block (LightNL, AutoNL), Li et al. 2020, https://arxiv.org/abs/2004.01961.

The paper searches `ratio` and `stride` place by place.
"""

from torch import Tensor, nn


class LightNL(nn.Module):
    """Add to each pixel the pixels that resemble it in the first channels, with next to no weights.

    Keys and values are every `stride`-th pixel. The products are taken in the cheaper order.
    """

    site = "gate"

    def __init__(
        self, channels: int, ratio: float = 0.25, stride: int = 1, kernel: int = 3
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; LightNL needs an odd kernel")
        self.hidden = max(1, int(channels * ratio))
        self.stride = stride
        self.conv = nn.Conv2d(
            channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False
        )
        self.norm = nn.BatchNorm2d(channels)
        self.initialise()

    def initialise(self) -> None:
        """Start as the identity."""
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        query = x[:, : self.hidden].flatten(2)
        value = x[:, :, :: self.stride, :: self.stride].flatten(2)
        key = value[:, : self.hidden]
        (channels, keys), pixels = value.shape[1:], query.shape[2]
        by_pairs = pixels * keys * (channels + self.hidden)
        by_channels = (pixels + keys) * channels * self.hidden
        if by_pairs < by_channels:
            mixed = value @ (key.transpose(1, 2) @ query)
        else:
            mixed = (value @ key.transpose(1, 2)) @ query
        y: Tensor = self.norm(self.conv((mixed / pixels).view_as(x)))
        return x + y
