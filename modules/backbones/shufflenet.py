"""ShuffleNetV2, Ma et al. 2018, https://arxiv.org/abs/1807.11164: half the channels at a time."""

from collections.abc import Sequence
from functools import partial
from typing import TypedDict, Unpack

import torch
from torch import Tensor, nn

from modules.backbones.network import Act, Backbone, Places, Plan, Site, kaiming, relu
from modules.backbones.parts import ConvHead, Held, Stem, depthwise, filled, mixer_channels


class ShuffleUnit(nn.Module):
    """Take one half through the branch, set it beside the other half, and shuffle both.

    With a `shortcut` both halves of the result are made of the whole input.
    """

    def __init__(
        self, branch: list[nn.Module], shortcut: nn.Module | None, half: int, held: Held
    ) -> None:
        super().__init__()
        self.residual = nn.Sequential(*branch)
        self.gate = held.gate(half) if held.gate else nn.Identity()
        self.shortcut = shortcut
        kaiming(self)

    def forward(self, x: Tensor) -> Tensor:
        if self.shortcut is None:
            kept, x = x.chunk(2, dim=1)
        else:
            kept = self.shortcut(x)
        convolved: Tensor = self.gate(self.residual(x))
        # stacked along a second axis, channels take turns when they are flattened
        return torch.stack([kept, convolved], dim=2).flatten(1, 2)


def shuffle_unit(channels: int, out: int, stride: int, held: Held) -> ShuffleUnit:
    """Return a unit of 1x1, `mix`, `inner`, 1x1, `gate` on half of `out` channels."""
    if out % 2:
        raise ValueError(f"{out} channels do not halve; every entry of widths is even")
    half = out // 2
    mixer = held.mix(half, stride)
    width = mixer_channels(mixer)
    branch = [
        nn.Conv2d(channels if stride == 2 else half, width, 1, bias=False),
        nn.BatchNorm2d(width),
        held.act(),
        mixer,
        nn.BatchNorm2d(width),
        held.inner(width) if held.inner else nn.Identity(),
        nn.Conv2d(width, half, 1, bias=False),
        nn.BatchNorm2d(half),
        held.act(),
    ]
    if stride == 1:
        return ShuffleUnit(branch, None, half, held)
    shortcut = nn.Sequential(
        depthwise(channels, 2),
        nn.BatchNorm2d(channels),
        nn.Conv2d(channels, half, 1, bias=False),
        nn.BatchNorm2d(half),
        held.act(),
    )
    return ShuffleUnit(branch, shortcut, half, held)


def shuffle_stem(kind: str, channels: int, act: Act) -> Stem:
    """Return a stem that is 3x3 for ImageNet too."""
    if kind != "imagenet":
        return Stem(kind, channels, act)
    stem = Stem("strided", channels, act)
    stem.append(nn.MaxPool2d(3, 2, padding=1))
    return stem


class ShuffleSites(TypedDict, total=False):
    """What the network of this file takes besides depth and width; it has no sum to `fuse`."""

    mix: Site
    inner: Site
    gate: Site
    after: Site
    act: Act
    stem: str
    num_classes: int


def shufflenet(
    depths: Sequence[int],
    widths: Sequence[int],
    features: int,
    mix: Site = None,
    inner: Site = None,
    gate: Site = None,
    after: Site = None,
    act: Act = relu,
    stem: str = "imagenet",
    num_classes: int = 1000,
) -> Plan:
    """Plan any ShuffleNetV2: stages of `depths` units and `widths` channels, the first strides."""
    if len(widths) != len(depths):
        raise ValueError(f"widths has {len(widths)} entries and the network {len(depths)} stages")
    places = Places(depths, mix=mix, inner=inner, gate=gate, fuse=None, after=after)
    plain = Held(depthwise, act=act)
    channels = 24
    plan: Plan = {"stem": partial(shuffle_stem, stem, channels, act)}
    for stage, (depth, out) in enumerate(zip(depths, widths, strict=True)):
        for index in range(depth):
            held = filled(plain, places, stage, index)
            stride = 1 if index else 2
            part = partial(shuffle_unit, channels, out, stride, held)
            plan[f"stage{stage + 1}.{index}"] = part
            channels = out
        if unit := places.at("after", stage):
            plan[f"stage{stage + 1}.after"] = partial(unit, channels)
    plan["head"] = partial(ConvHead, channels, features, num_classes, act)
    return plan


@Backbone
def shufflenet_v2(
    depths: Sequence[int] = (4, 8, 4),
    widths: Sequence[int] = (116, 232, 464),
    features: int = 1024,
    **sites: Unpack[ShuffleSites],
) -> Plan:
    """Plan ShuffleNetV2 1x; `gate` sees the half that was convolved, before the shuffle."""
    return shufflenet(depths, widths, features, **sites)
