"""MobileNetV2, Sandler et al. 2018, https://arxiv.org/abs/1801.04381: inverted residuals."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypedDict, Unpack

from torch import Tensor, nn

from modules.backbones.network import Act, Backbone, Places, Plan, Site, kaiming, relu
from modules.backbones.parts import (
    ConvHead,
    Held,
    Stem,
    depthwise,
    filled,
    mixer_channels,
    mixer_returned,
    projection,
    taking,
)

# expansion, channels and stride of each stage: table 2 of the paper
STAGES = (
    *((1, 16, 1), (6, 24, 2), (6, 32, 2), (6, 64, 2)),
    *((6, 96, 1), (6, 160, 2), (6, 320, 1)),
)

relu6 = partial(nn.ReLU6, inplace=True)


class InvertedResidual(nn.Module):
    """The residual branch, and where there is a shortcut their sum or what `fuse` makes of them."""

    def __init__(
        self, branch: list[nn.Module], shortcut: nn.Module | None, out: int, held: Held
    ) -> None:
        super().__init__()
        self.residual = nn.Sequential(*branch, nn.BatchNorm2d(out))
        self.gate = held.gate(out) if held.gate else nn.Identity()
        self.shortcut = shortcut
        self.fuse = held.fuse(out) if held.fuse and shortcut is not None else None
        kaiming(self)

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.gate(self.residual(x))
        if self.shortcut is None:
            return residual
        x = self.shortcut(x)
        if self.fuse is None:
            return residual + x
        y: Tensor = self.fuse(residual, x)
        return y


def inverted(channels: int, planes: int, out: int, stride: int, held: Held) -> InvertedResidual:
    """Return a block of 1x1 to `planes`, `mix`, `inner`, 1x1, `gate`, as the paper has it.

    Nothing stands before the mix where the planes are not expanded; a change of shape has no sum.
    """
    mixer = held.mix(planes, stride)
    branch = mixing(taking(planes, mixer) if planes == channels else mixer, out, held)
    if planes != channels:
        branch = expanding(channels, mixer, held) + branch
    same = stride == 1 and channels == out
    return InvertedResidual(branch, nn.Identity() if same else None, out, held)


def projected(channels: int, planes: int, out: int, stride: int, held: Held) -> InvertedResidual:
    """Return a block as the CIFAR zoo has it: always with a first 1x1, and a sum at stride 1."""
    mixer = held.mix(planes, stride)
    branch = expanding(channels, mixer, held) + mixing(mixer, out, held)
    shortcut = projection(channels, out, stride) if stride == 1 else None
    return InvertedResidual(branch, shortcut, out, held)


def expanding(channels: int, mixer: nn.Module, held: Held) -> list[nn.Module]:
    """Return the layers up to the mixer's channels."""
    width = mixer_channels(mixer)
    return [nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), held.act()]


def mixing(mixer: nn.Module, out: int, held: Held) -> list[nn.Module]:
    """Return the mixer and the layers down to the narrow end, but for the last norm."""
    width = mixer_returned(mixer)
    inner = held.inner(width) if held.inner else nn.Identity()
    last = nn.Conv2d(width, out, 1, bias=False)
    return [mixer, nn.BatchNorm2d(width), held.act(), inner, last]


class MobileSites(TypedDict, total=False):
    """What the networks of this file take besides depth and width."""

    mix: Site
    inner: Site
    gate: Site
    fuse: Site
    after: Site
    act: Act
    stem: str
    num_classes: int


def mobilenet(
    block: Callable[[int, int, int, int, Held], InvertedResidual],
    depths: Sequence[int],
    width: float,
    mix: Site = None,
    inner: Site = None,
    gate: Site = None,
    fuse: Site = None,
    after: Site = None,
    act: Act = relu6,
    stem: str = "imagenet",
    num_classes: int = 1000,
) -> Plan:
    """Plan any MobileNetV2: seven stages of `depths` blocks, `width` times the paper's channels.

    The stem strides but for `cifar`, stage 2 only for `imagenet`.
    """
    if len(depths) != len(STAGES):
        raise ValueError(f"depths has {len(depths)} entries and MobileNetV2 {len(STAGES)} stages")
    if stem not in ("cifar", "strided", "imagenet"):
        raise ValueError(f"stem = {stem!r} is not one of 'cifar', 'strided', 'imagenet'")
    places = Places(depths, mix=mix, inner=inner, gate=gate, fuse=fuse, after=after)
    plain = Held(depthwise, act=act)
    strides = [stride for _, _, stride in STAGES]
    strides[1] = 1 if stem in ("cifar", "strided") else 2
    channels = eighths(32 * width)
    plan: Plan = {"stem": partial(Stem, "cifar" if stem == "cifar" else "strided", channels, act)}
    for stage, (expansion, planes, _) in enumerate(STAGES):
        out = eighths(planes * width)
        for index in range(depths[stage]):
            stride = 1 if index else strides[stage]
            held = filled(plain, places, stage, index)
            part = partial(block, channels, expansion * channels, out, stride, held)
            plan[f"stage{stage + 1}.{index}"] = part
            channels = out
        if unit := places.at("after", stage):
            plan[f"stage{stage + 1}.after"] = partial(unit, channels)
    features = eighths(1280 * max(1.0, width))
    plan["head"] = partial(ConvHead, channels, features, num_classes, act)
    return plan


def eighths(channels: float) -> int:
    """Round to a multiple of 8, at least 8 and never by more than a tenth down."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


@Backbone
def mobilenet_v2(
    depths: Sequence[int] = (1, 2, 3, 4, 3, 3, 1),
    width: float = 1.0,
    **sites: Unpack[MobileSites],
) -> Plan:
    """Plan MobileNetV2."""
    return mobilenet(inverted, depths, width, **sites)


@Backbone
def mobilenet_v2_cifar(
    depths: Sequence[int] = (1, 2, 3, 4, 3, 3, 1),
    width: float = 1.0,
    **sites: Unpack[MobileSites],
) -> Plan:
    """Plan the MobileNetV2 of the CIFAR-10 zoos: stride 8, plain ReLU, more shortcuts."""
    chosen: MobileSites = {"stem": "cifar", "act": relu, **sites}
    return mobilenet(projected, depths, width, **chosen)
