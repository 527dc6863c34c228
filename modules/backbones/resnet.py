"""ResNet, He et al. 2016, https://arxiv.org/abs/1512.03385, with a place for attention everywhere.

The stride sits in the 3x3 convolution and every change of shape has a projection shortcut.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypedDict, Unpack

from torch import Tensor, nn

from modules.backbones.network import Act, Backbone, Factory, Places, Plan, Site, kaiming, relu
from modules.backbones.parts import (
    Conv3x3,
    Head,
    Held,
    Stem,
    keeping,
    mixer_channels,
    mixer_returned,
    projection,
    residual_stages,
)


class Block(nn.Module):
    """The residual branch plus the shortcut, or whatever `fuse` makes of the two."""

    def __init__(self, branch: list[nn.Module], shortcut: nn.Module, out: int, held: Held) -> None:
        super().__init__()
        norm = nn.BatchNorm2d(out)
        self.residual = nn.Sequential(*branch, norm)
        self.gate = held.gate(out) if held.gate else nn.Identity()
        self.shortcut = shortcut
        self.fuse = held.fuse(out) if held.fuse else None
        self.act = held.act()
        kaiming(self)
        if held.zero_init_residual:
            nn.init.zeros_(norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        residual, x = self.gate(self.residual(x)), self.shortcut(x)
        y: Tensor = self.act(residual + x if self.fuse is None else self.fuse(residual, x))
        return y


def bottleneck(channels: int, planes: int, stride: int, held: Held) -> Block:
    """Return a block of 1x1, `mix`, `inner`, 1x1 to 4 * planes, `gate`."""
    return around(held.mix(planes, stride), channels, 4 * planes, stride, held)


def around(mixer: nn.Module, channels: int, out: int, stride: int, held: Held) -> Block:
    """Return a bottleneck whose 1x1 convolutions fit the mixer between them."""
    width, returned = mixer_channels(mixer), mixer_returned(mixer)
    branch = [
        nn.Conv2d(channels, width, 1, bias=False),
        nn.BatchNorm2d(width),
        held.act(),
        mixer,
        nn.BatchNorm2d(returned),
        held.act(),
        held.inner(returned) if held.inner else nn.Identity(),
        nn.Conv2d(returned, out, 1, bias=False),
    ]
    return Block(branch, projection(channels, out, stride), out, held)


def basic(channels: int, planes: int, stride: int, held: Held) -> Block:
    """Return a block of 3x3, `inner`, `mix`, `gate`, all on `planes` channels."""
    branch = [
        nn.Conv2d(channels, planes, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(planes),
        held.act(),
        held.inner(planes) if held.inner else nn.Identity(),
        keeping(planes, held.mix(planes, 1)),
    ]
    return Block(branch, projection(channels, planes, stride), planes, held)


class Sites(TypedDict, total=False):
    """What the networks of this file take besides depth and width."""

    mix: Site
    inner: Site
    gate: Site
    fuse: Site
    after: Site
    act: Act
    stem: str
    num_classes: int
    zero_init_residual: bool
    weights: str | None


def resnet(
    block: Callable[[int, int, int, Held], Block],
    depths: Sequence[int],
    planes: int,
    mix: Site = None,
    inner: Site = None,
    gate: Site = None,
    fuse: Site = None,
    after: Site = None,
    act: Act = relu,
    stem: str = "imagenet",
    num_classes: int = 1000,
    zero_init_residual: bool = False,
    weights: str | None = None,
    plain_mix: Factory = Conv3x3,
) -> Plan:
    """Plan any ResNet: the stem, stages of `depths` blocks that double `planes`, the head.

    `weights="imagenet"` are torchvision's, for the five networks that have them published.
    """
    if weights not in (None, "imagenet"):
        raise ValueError(f"weights = {weights!r}; there are 'imagenet', and None for a fresh start")
    places = Places(depths, mix=mix, inner=inner, gate=gate, fuse=fuse, after=after)
    expansion = 1 if block is basic else 4
    plain = Held(plain_mix, act=act, zero_init_residual=zero_init_residual)
    return {
        "stem": partial(Stem, stem, planes, act),
        **residual_stages(block, expansion, planes, places, plain),
        "head": partial(Head, expansion * planes * 2 ** (len(depths) - 1), num_classes),
    }


@Backbone
def resnet18(
    depths: Sequence[int] = (2, 2, 2, 2), planes: int = 64, **sites: Unpack[Sites]
) -> Plan:
    """Plan ResNet-18."""
    return resnet(basic, depths, planes, **sites)


@Backbone
def resnet34(
    depths: Sequence[int] = (3, 4, 6, 3), planes: int = 64, **sites: Unpack[Sites]
) -> Plan:
    """Plan ResNet-34."""
    return resnet(basic, depths, planes, **sites)


@Backbone
def resnet50(
    depths: Sequence[int] = (3, 4, 6, 3), planes: int = 64, **sites: Unpack[Sites]
) -> Plan:
    """Plan ResNet-50."""
    return resnet(bottleneck, depths, planes, **sites)


@Backbone
def resnet101(
    depths: Sequence[int] = (3, 4, 23, 3), planes: int = 64, **sites: Unpack[Sites]
) -> Plan:
    """Plan ResNet-101."""
    return resnet(bottleneck, depths, planes, **sites)


@Backbone
def resnet152(
    depths: Sequence[int] = (3, 8, 36, 3), planes: int = 64, **sites: Unpack[Sites]
) -> Plan:
    """Plan ResNet-152."""
    return resnet(bottleneck, depths, planes, **sites)


def small(sites: Sites) -> Sites:
    """Return the sites of a network for small images: the stem keeps the size unless told."""
    return {"stem": "cifar", **sites}


@Backbone
def resnet20(depths: Sequence[int] = (3, 3, 3), planes: int = 16, **sites: Unpack[Sites]) -> Plan:
    """Plan ResNet-20 for CIFAR: 6n + 2 layers, n = 3."""
    return resnet(basic, depths, planes, **small(sites))


@Backbone
def resnet32(depths: Sequence[int] = (5, 5, 5), planes: int = 16, **sites: Unpack[Sites]) -> Plan:
    """Plan ResNet-32 for CIFAR: 6n + 2 layers, n = 5."""
    return resnet(basic, depths, planes, **small(sites))


@Backbone
def resnet44(depths: Sequence[int] = (7, 7, 7), planes: int = 16, **sites: Unpack[Sites]) -> Plan:
    """Plan ResNet-44 for CIFAR: 6n + 2 layers, n = 7."""
    return resnet(basic, depths, planes, **small(sites))


@Backbone
def resnet56(depths: Sequence[int] = (9, 9, 9), planes: int = 16, **sites: Unpack[Sites]) -> Plan:
    """Plan ResNet-56 for CIFAR: 6n + 2 layers, n = 9."""
    return resnet(basic, depths, planes, **small(sites))


@Backbone
def resnet110(
    depths: Sequence[int] = (18, 18, 18), planes: int = 16, **sites: Unpack[Sites]
) -> Plan:
    """Plan ResNet-110 for CIFAR: 6n + 2 layers, n = 18."""
    return resnet(basic, depths, planes, **small(sites))


@Backbone
def resnet164(
    depths: Sequence[int] = (18, 18, 18), planes: int = 16, **sites: Unpack[Sites]
) -> Plan:
    """Plan ResNet-164 for CIFAR: 9n + 2 layers, n = 18."""
    return resnet(bottleneck, depths, planes, **small(sites))
