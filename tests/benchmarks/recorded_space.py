"""A small ResNet on the embedded images: how wide, convolved how, and which gate where?

Three widths, the second convolution of stages 2 and 3 full or channel by channel, and nothing, SE
or SimAM in the same two stages. 108 architectures at 0.33 to 3.1 million MACs; only width and
convolution move MACs, so among nine gatings at one price only the score decides. All of them are
recorded over three seeds in recorded.json.xz, which is how searches are compared without training:

    python -m tests.benchmarks.record_table
"""

from torch import Tensor, nn

from modules import SE, SimAM, resnet18
from spaces import Space, choice
from trials import Recipe


class Depthwise(nn.Module):
    """Convolve each channel by itself, over 5x5."""

    site = "mix"

    def __init__(self, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.channels = planes
        self.conv = nn.Conv2d(planes, planes, 5, stride, padding=2, groups=planes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y


space = Space(
    resnet18,
    depths=(1, 1, 1),
    stem="strided",
    planes=choice(6, 10, 16),
    mix={f"stage{stage}": choice(None, Depthwise) for stage in (2, 3)},
    gate={f"stage{stage}": choice(None, SE, SimAM) for stage in (2, 3)},
)
objectives = ["accuracy", "macs"]
recipes = {
    "nine": Recipe(
        data="clutter",
        epochs=9,
        images=1500,
        batch=32,
        lr=0.1,
        weight_decay=1e-3,
        augment=("crop",),
        precision="fp32",
        seeds=(0, 1, 2),
    )
}
