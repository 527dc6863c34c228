"""What families of backbones share: stem, head, plain mixers, what the sites of a block hold."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import Tensor, nn

from modules.backbones.network import Act, Factory, Places, Plan, kaiming, relu


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


class ConvHead(nn.Sequential):
    """One more 1x1 convolution, then average and linear layer."""

    def __init__(self, channels: int, features: int, num_classes: int, act: Act) -> None:
        classifier = nn.Linear(features, num_classes)
        super().__init__(
            nn.Conv2d(channels, features, 1, bias=False),
            nn.BatchNorm2d(features),
            act(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            classifier,
        )
        kaiming(self)
        nn.init.normal_(classifier.weight, std=0.01)
        nn.init.zeros_(classifier.bias)


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


def depthwise(planes: int, stride: int = 1) -> Conv3x3:
    """Return a 3x3 convolution of each channel by itself."""
    return Conv3x3(planes, stride, groups=planes)


def mixer_channels(mixer: nn.Module) -> int:
    """Return the channels a mixer works on; every module at `mix` says them."""
    channels = getattr(mixer, "channels", None)
    if not isinstance(channels, int):
        raise ValueError(
            f"{type(mixer).__name__} has no .channels; a mix says how many it works on"
        )
    return channels


def mixer_returned(mixer: nn.Module) -> int:
    """Return the channels a mixer hands on: those it works on, or its `.returned`."""
    returned = getattr(mixer, "returned", None)
    return returned if isinstance(returned, int) else mixer_channels(mixer)


def taking(planes: int, mixer: nn.Module) -> nn.Module:
    """Return the mixer, which must work on its planes as they are."""
    channels = mixer_channels(mixer)
    if channels != planes:
        raise ValueError(
            f"{type(mixer).__name__}({planes}) has {channels} channels; "
            "with no 1x1 convolution before it, a mix keeps its planes"
        )
    return mixer


def keeping(planes: int, mixer: nn.Module) -> nn.Module:
    """Return the mixer, which must work on its planes as they are, and hand on as many."""
    returned = mixer_returned(taking(planes, mixer))
    if returned != planes:
        raise ValueError(
            f"{type(mixer).__name__}({planes}) hands on {returned} channels; "
            "with no 1x1 convolution after it, a mix keeps its planes"
        )
    return mixer


def projection(channels: int, out: int, stride: int) -> nn.Module:
    """Return the shortcut: nothing where the shape stays, else a strided 1x1."""
    if stride == 1 and channels == out:
        return nn.Identity()
    conv = nn.Conv2d(channels, out, 1, stride, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out))


class Held(NamedTuple):
    """What the sites of one block hold, and how its residual branch starts."""

    mix: Factory = Conv3x3
    inner: Factory | None = None
    gate: Factory | None = None
    fuse: Factory | None = None
    act: Act = relu
    zero_init_residual: bool = False


def filled(plain: Held, places: Places, stage: int, index: int) -> Held:
    """Return what the places hold at a block, over what is held everywhere."""
    return plain._replace(
        mix=places.at("mix", stage, index) or plain.mix,
        inner=places.at("inner", stage, index),
        gate=places.at("gate", stage, index),
        fuse=places.at("fuse", stage, index),
    )


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
            held = filled(plain, places, stage, index)
            stride = 2 if stage and not index else 1
            plan[f"stage{stage + 1}.{index}"] = partial(block, channels, width, stride, held)
            channels = expansion * width
        if unit := places.at("after", stage):
            plan[f"stage{stage + 1}.after"] = partial(unit, channels)
    return plan
