"""EffNet, Freeman et al. 2018, https://arxiv.org/abs/1801.06434."""

from torch import Tensor, nn
from torch.nn import functional as F


class EffNetConv(nn.Module):
    """Convolve each channel along rows, then along columns, then mix; strides one axis at a time.

    `out` is how many channels it returns where it is not a mix.
    """

    site = "mix"

    def __init__(self, planes: int, stride: int = 1, out: int | None = None) -> None:
        super().__init__()
        self.channels = planes
        self.stride = stride
        self.along_row = nn.Sequential(
            nn.Conv2d(planes, planes, (1, 3), padding=(0, 1), groups=planes, bias=False),
            *activated(planes),
        )
        self.pool = nn.MaxPool2d((stride, 1), ceil_mode=True)
        self.along_column = nn.Sequential(
            nn.Conv2d(planes, planes, (3, 1), padding=(1, 0), groups=planes, bias=False),
            *activated(planes),
        )
        self.mix = nn.Conv2d(planes, out or planes, (1, stride), (1, stride), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.along_column(self.pool(self.along_row(x)))
        # an odd width gets one more column, as the pool gives an odd height one more row
        y: Tensor = self.mix(F.pad(x, (0, -x.shape[3] % self.stride)))
        return y


class EffNet(nn.Sequential):
    """The paper's network for 32x32 images: three blocks, each halves the map and widens it."""

    def __init__(self, num_classes: int = 10) -> None:
        blocks = [
            layer
            for image, width in ((3, 32), (64, 64), (128, 128))
            for layer in (
                nn.Conv2d(image, width, 1, bias=False),
                *activated(width),
                EffNetConv(width, 2, 2 * width),
                *activated(2 * width),
            )
        ]
        super().__init__(*blocks, nn.Flatten(), nn.Linear(256 * 4 * 4, num_classes))


def activated(channels: int) -> tuple[nn.Module, nn.Module]:
    """Return the activation and the norm after it."""
    return nn.LeakyReLU(0.3), nn.BatchNorm2d(channels, momentum=0.99)
