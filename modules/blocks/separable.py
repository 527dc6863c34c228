"""Depthwise separable convolution (MobileNet), Howard et al. 2017.

https://arxiv.org/abs/1704.04861
"""

from torch import Tensor, nn


class Separable(nn.Module):
    """Convolve each channel by itself, then mix the channels by a 1x1, both with a bias."""

    site = "mix"

    def __init__(self, planes: int, stride: int = 1, kernel: int = 3) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; Separable needs an odd kernel")
        self.channels = planes
        self.depthwise = nn.Conv2d(planes, planes, kernel, stride, kernel // 2, groups=planes)
        self.pointwise = nn.Conv2d(planes, planes, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pointwise(self.depthwise(x))
        return y
