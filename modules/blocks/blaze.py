"""BlazeBlock (BlazeFace), Bazarevsky et al. 2019, https://arxiv.org/abs/1907.05047."""

from torch import Tensor, nn
from torch.nn import functional as F


class BlazeBlock(nn.Module):
    """Add a depthwise separable convolution with a large kernel to its input, and activate.

    `middle` makes it the paper's double block, which narrows to that many channels on the way.
    `out` is how many channels it returns where it is not a mix; new ones have no shortcut.
    """

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        kernel: int = 5,
        middle: int | None = None,
        out: int | None = None,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; BlazeBlock needs an odd kernel")
        width = out or planes
        if width < planes:
            raise ValueError(f"out = {width} is under {planes} planes; a BlazeBlock only widens")
        self.channels = planes
        self.added = width - planes
        self.first = separable_norm(planes, middle or width, kernel, stride)
        self.second = nn.Sequential()
        if middle:
            self.second = nn.Sequential(
                nn.ReLU(inplace=True), *separable_norm(middle, width, kernel, 1)
            )
        self.pool = nn.Identity() if stride == 1 else nn.MaxPool2d(stride, ceil_mode=True)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = F.pad(self.pool(x), (0, 0, 0, 0, 0, self.added))
        y: Tensor = self.relu(self.second(self.first(x)) + shortcut)
        return y


def separable_norm(channels: int, out: int, kernel: int, stride: int) -> nn.Sequential:
    """Return a depthwise convolution and a 1x1, each with a bias and a norm."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels),
        nn.BatchNorm2d(channels),
        nn.Conv2d(channels, out, 1),
        nn.BatchNorm2d(out),
    )
