"""ResNet, He et al. 2016, https://arxiv.org/abs/1512.03385, with a place for attention everywhere.

The stride sits in the 3x3 convolution and every change of shape has a projection shortcut.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypedDict, Unpack

from torch import Tensor, nn

from modules.backbones.network import Act, Backbone, Factory, Places, Plan, Site, kaiming, relu


class Conv3x3(nn.Module):
    """The plain spatial mixer: a 3x3 convolution that keeps its channels."""

    site = "mix"

    def __init__(self, planes: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.channels = planes
        # held, not inherited: ptflops and thop pass over a subclass of nn.Conv2d without a word
        self.conv = nn.Conv2d(planes, planes, 3, stride, padding=1, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y


class Held(NamedTuple):
    """What the sites of one block hold, and how its residual branch starts."""

    mix: Factory = Conv3x3
    inner: Factory | None = None
    gate: Factory | None = None
    fuse: Factory | None = None
    act: Act = relu
    zero_init_residual: bool = False

    def at(self, places: Places, stage: int, index: int) -> "Held":
        """Return what the places hold at a block, over what is held everywhere."""
        return self._replace(
            mix=places.at("mix", stage, index) or self.mix,
            inner=places.at("inner", stage, index),
            gate=places.at("gate", stage, index),
            fuse=places.at("fuse", stage, index),
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
    width = mixer_channels(mixer)
    branch = [
        nn.Conv2d(channels, width, 1, bias=False),
        nn.BatchNorm2d(width),
        held.act(),
        mixer,
        nn.BatchNorm2d(width),
        held.act(),
        held.inner(width) if held.inner else nn.Identity(),
        nn.Conv2d(width, out, 1, bias=False),
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


def mixer_channels(mixer: nn.Module) -> int:
    """Return the channels a mixer works on; every module at `mix` says them."""
    channels = getattr(mixer, "channels", None)
    if not isinstance(channels, int):
        raise ValueError(
            f"{type(mixer).__name__} has no .channels; a mix says how many it works on"
        )
    return channels


def keeping(planes: int, mixer: nn.Module) -> nn.Module:
    """Return the mixer, which must work on its planes as they are."""
    channels = mixer_channels(mixer)
    if channels != planes:
        raise ValueError(
            f"{type(mixer).__name__}({planes}) has {channels} channels; "
            "with no 1x1 convolution before it, a mix keeps its planes"
        )
    return mixer


def projection(channels: int, out: int, stride: int) -> nn.Module:
    """Return the shortcut: nothing where the shape stays, else a strided 1x1."""
    if stride == 1 and channels == out:
        return nn.Identity()
    conv = nn.Conv2d(channels, out, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out))


class Stem(nn.Sequential):
    """The first convolution: `cifar` keeps the size, `strided` halves, `imagenet` quarters it.

    Norm and activation follow, or neither where `act` is None.
    """

    def __init__(self, kind: str, channels: int, act: Act | None = relu) -> None:
        if kind not in ("cifar", "strided", "imagenet"):
            raise ValueError(f"stem = {kind!r} is not one of 'cifar', 'strided', 'imagenet'")
        kernel, stride = {"cifar": (3, 1), "strided": (3, 2), "imagenet": (7, 2)}[kind]
        super().__init__(nn.Conv2d(3, channels, kernel, stride, padding=kernel // 2, bias=False))
        if act:
            self.extend([nn.BatchNorm2d(channels), act()])
        if kind == "imagenet":
            self.append(nn.MaxPool2d(3, 2, padding=1))
        kaiming(self)


class Head(nn.Sequential):
    """Global average, then one linear layer."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))


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
    plain_mix: Factory = Conv3x3,
) -> Plan:
    """Plan any ResNet: the stem, stages of `depths` blocks that double `planes`, the head."""
    places = Places(depths, mix=mix, inner=inner, gate=gate, fuse=fuse, after=after)
    expansion = 1 if block is basic else 4
    plain = Held(plain_mix, act=act, zero_init_residual=zero_init_residual)
    return {
        "stem": partial(Stem, stem, planes, act),
        **residual_stages(block, expansion, planes, places, plain),
        "head": partial(Head, expansion * planes * 2 ** (len(depths) - 1), num_classes),
    }


def residual_stages(
    block: Callable[[int, int, int, Held], nn.Module],
    expansion: int,
    planes: int,
    places: Places,
    plain: Held,
) -> Plan:
    """Plan stages that halve the size and double the `planes`; `places` fill the `plain` block."""
    plan: Plan = {}
    channels = planes
    for stage, depth in enumerate(places.depths):
        width = planes * 2**stage
        for index in range(depth):
            held = plain.at(places, stage, index)
            stride = 2 if stage and not index else 1
            plan[f"stage{stage + 1}.{index}"] = partial(block, channels, width, stride, held)
            channels = expansion * width
        if unit := places.at("after", stage):
            plan[f"stage{stage + 1}.after"] = partial(unit, channels)
    return plan


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
