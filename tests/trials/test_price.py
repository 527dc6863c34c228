"""What is added up by parts is what a network costs that is counted alone."""

from collections.abc import Callable
from functools import partial
from random import Random

import pytest
import torch
from torch import Tensor, nn

import modules
from modules.attention.cbam import CBAM
from modules.attention.dual import CAM, DualAttention
from modules.attention.eca import ECA
from modules.attention.ela import ELA
from modules.attention.mspa import MSPA
from modules.attention.psa import PSA
from modules.attention.scsa import SCSA
from modules.attention.se import SE
from modules.attention.simam import SimAM
from modules.attention.sk import SK
from modules.attention.spem import SPEM
from modules.backbones.googlenet import googlenet
from modules.backbones.mobilenet import mobilenet_v2
from modules.backbones.preact_resnet import preact_resnet18, preact_resnet164
from modules.backbones.resnet import resnet18, resnet20, resnet50
from modules.backbones.resnext import resnext50_32x4
from modules.backbones.shufflenet import shufflenet_v2
from modules.blocks.pyconv import PYCONV_STAGES
from spaces import Space, choice
from trials.cost import forward, measure
from trials.price import Prices

SHAPE = (3, 64, 64)


class Sum(nn.Module):
    """A weighed sum of two maps."""

    site = "fuse"

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = SE(channels)

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        return self.weigh(x) + shortcut


class Swish(nn.Module):
    """An activation with a weight of its own."""

    site = "act"

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.slope * x).sigmoid()


def gates() -> object:
    return choice(None, partial(SE, reduction=choice(4, 16)), ECA, SimAM, SPEM, CBAM)


SPACES = {
    "one gate": Space(resnet50, gate=gates()),
    "gates by stage": Space(resnet18, gate=[gates() for _ in range(4)]),
    "gates by block": Space(resnet18, gate=[[gates(), gates()] for _ in range(4)]),
    "gates by name": Space(resnet50, gate={"stage3": gates(), "stage4.1": gates()}),
    "whole lists": Space(resnet18, gate=choice(one=[None, SE, None, ECA], other=[SE] * 4)),
    "mixers": Space(
        resnet50,
        mix=choice(None, partial(MSPA, scales=choice(1, 3), omega=choice(20, 30)), PSA, SK),
        gate=choice(None, ECA),
    ),
    "mixers by stage": Space(
        resnet50,
        mix=[choice(None, MSPA, PSA) for _ in range(3)] + [PYCONV_STAGES[3]],
        inner=[None, choice(None, SE), partial(SCSA, window=None), None],
    ),
    "after stages": Space(
        resnet18,
        after=[choice(None, DualAttention, CAM, SE) for _ in range(4)],
        gate=[SE, None] * 2,
    ),
    "sums and activations": Space(
        resnet50,
        fuse=choice(None, Sum),
        act=choice(nn.ReLU, Swish, partial(nn.PReLU, 1)),
        gate=choice(None, ECA),
    ),
    "depths and widths": Space(
        resnet20,
        depths=choice(a=(1, 2, 3), b=(2, 2, 2)),
        planes=choice(8, 16),
        gate=[gates(), None, gates()],
    ),
    "pre-activation": Space(
        preact_resnet18, gate=gates(), inner=choice(None, ELA), after=[None, SE, None, None]
    ),
    "deep": Space(
        preact_resnet164, mix=choice(None, partial(MSPA, base=16)), gate=choice(None, SE)
    ),
    "groups": Space(resnext50_32x4, mix=choice(None, SK), gate=[gates() for _ in range(4)]),
    "inverted": Space(
        mobilenet_v2, gate=choice(None, ECA), inner=[choice(None, SE)] * 7, fuse=choice(None, Sum)
    ),
    "shuffled": Space(shufflenet_v2, gate=[gates() for _ in range(3)], inner=choice(None, SE)),
    "inceptions": Space(googlenet, gate=[gates() for _ in range(3)], after=[None, SE, None]),
}


@pytest.mark.parametrize("name", SPACES)
def test_sums_are_the_integers_of_networks_counted_alone(name: str) -> None:
    space, prices, random = SPACES[name], Prices(SHAPE), Random(1)
    drawn = [space.draw(random) for _ in range(40)]

    sums = [prices(architecture.network) for architecture in drawn]

    for architecture, cost in list(zip(drawn, sums, strict=True))[-12:]:
        assert cost == measure(architecture.build, SHAPE), architecture.choices


@pytest.mark.parametrize("name", SPACES)
def test_they_are_sums(name: str) -> None:
    space, random, runs = SPACES[name], Random(1), []

    def run(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> object:
        runs.append(build)
        return forward(build, shape)

    prices = Prices(SHAPE, run=run)
    drawn = [space.draw(random) for _ in range(60)]
    for architecture in drawn:
        prices(architecture.network)

    whole = [call for call in runs if call.func is space.backbone]
    assert len(whole) == 1


ZOO = [name for name in modules.__all__ if hasattr(getattr(modules, name), "site")]


@pytest.mark.parametrize("name", ZOO)
def test_every_module_of_the_zoo_costs_the_same_in_a_sum(name: str) -> None:
    kind, prices = getattr(modules, name), Prices((3, 224, 224))
    places = [None, kind, None, kind]
    site = places if kind.site != "act" else kind

    for network in (partial(resnet50, **{kind.site: site}), partial(resnet50)):
        prices(network)

    network = partial(resnet50, **{kind.site: site}, num_classes=10)
    assert prices(network) == measure(network, (3, 224, 224))
