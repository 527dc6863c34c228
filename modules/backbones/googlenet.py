"""GoogLeNet, Szegedy et al. 2015, https://arxiv.org/abs/1409.4842, as the CIFAR zoos have it.

There each convolution has a bias and a batch norm, and two 3x3s stand for the 5x5.
"""

from collections.abc import Sequence
from functools import partial
from typing import TypedDict, Unpack

import torch
from torch import Tensor, nn

from modules.backbones.network import Act, Backbone, Factory, Places, Plan, Site, kaiming, relu
from modules.backbones.parts import Head

# table 1 of the paper: the 1x1, then the 1x1 before and the 3x3, the same of the 5x5, the pool's
STAGES = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)


class Inception(nn.Module):
    """Set four branches beside each other, then gate them together."""

    def __init__(
        self, channels: int, widths: Sequence[int], gate: Factory | None, act: Act
    ) -> None:
        super().__init__()
        one, before_three, three, before_five, five, pool = widths
        out = one + three + five + pool
        self.one = convolved([channels, one], [1], act)
        self.three = convolved([channels, before_three, three], [1, 3], act)
        self.five = convolved([channels, before_five, five, five], [1, 3, 3], act)
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), *convolved([channels, pool], [1], act))
        self.gate = gate(out) if gate else nn.Identity()
        kaiming(self)

    def forward(self, x: Tensor) -> Tensor:
        branches = [self.one(x), self.three(x), self.five(x), self.pool(x)]
        y: Tensor = self.gate(torch.cat(branches, dim=1))
        return y


def convolved(channels: Sequence[int], kernels: Sequence[int], act: Act) -> nn.Sequential:
    """Return a chain of convolution, norm, activation through these channels."""
    chain = nn.Sequential()
    for inside, out, kernel in zip(channels, channels[1:], kernels, strict=False):
        conv = nn.Conv2d(inside, out, kernel, padding=kernel // 2)
        chain.extend([conv, nn.BatchNorm2d(out), act()])
    return chain


class InceptionStem(nn.Sequential):
    """One 3x3, or the paper's three convolutions and two pools, down to an eighth, for ImageNet."""

    def __init__(self, kind: str, act: Act) -> None:
        if kind == "imagenet":
            super().__init__(
                nn.Conv2d(3, 64, 7, 2, padding=3),
                nn.BatchNorm2d(64),
                act(),
                nn.MaxPool2d(3, 2, padding=1),
                *convolved([64, 64, 192], [1, 3], act),
                nn.MaxPool2d(3, 2, padding=1),
            )
        elif kind == "cifar":
            super().__init__(*convolved([3, 192], [3], act))
        else:
            raise ValueError(f"stem = {kind!r} is not one of 'cifar', 'imagenet'")
        kaiming(self)


class InceptionSites(TypedDict, total=False):
    """What the network of this file takes besides depth; its convolutions all change channels."""

    gate: Site
    after: Site
    act: Act
    stem: str
    num_classes: int


def inceptions(
    depths: Sequence[int],
    gate: Site = None,
    after: Site = None,
    act: Act = relu,
    stem: str = "cifar",
    num_classes: int = 1000,
) -> Plan:
    """Plan the first `depths` inceptions of each stage, with a pool between the stages."""
    most = tuple(len(stage) for stage in STAGES)
    if len(depths) != len(most) or any(
        not 1 <= depth <= limit for depth, limit in zip(depths, most, strict=True)
    ):
        raise ValueError(f"depths = {tuple(depths)} is not within 1 and {most}, stage by stage")
    places = Places(depths, gate=gate, after=after)
    plan: Plan = {"stem": partial(InceptionStem, stem, act)}
    channels = 192
    for stage, depth in enumerate(depths):
        if stage:
            plan[f"pool{stage + 1}"] = partial(nn.MaxPool2d, 3, 2, 1)
        for index, widths in enumerate(STAGES[stage][:depth]):
            held = places.at("gate", stage, index)
            plan[f"stage{stage + 1}.{index}"] = partial(Inception, channels, widths, held, act)
            one, _, three, _, five, pool = widths
            channels = one + three + five + pool
        if unit := places.at("after", stage):
            plan[f"stage{stage + 1}.after"] = partial(unit, channels)
    plan["head"] = partial(Head, channels, num_classes)
    return plan


@Backbone
def googlenet(depths: Sequence[int] = (2, 5, 2), **sites: Unpack[InceptionSites]) -> Plan:
    """Plan GoogLeNet; `gate` stands after each inception, where SENet has it."""
    return inceptions(depths, **sites)
