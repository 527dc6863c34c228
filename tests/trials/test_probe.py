"""What does not fit at a site is named with site, module and shapes."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from modules.attention.scsa import SCSA
from modules.attention.se import SE
from modules.backbones.resnet import resnet18, resnet50
from trials.cost import measure
from trials.count import UncountedError
from trials.price import Prices
from trials.probe import MisfitError, Probe, ShapeError, probed, release

SHAPE = (3, 32, 32)
small = partial(resnet50, depths=(1, 1), stem="cifar", num_classes=10)


class Half(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x[:, ::2]


class Picky(nn.Module):
    def __init__(self, channels: int, groups: int = 3) -> None:
        super().__init__()
        if channels % groups:
            raise ValueError(f"channels = {channels} is not divisible by {groups} groups")

    def forward(self, x: Tensor) -> Tensor:
        return x


class Failing(nn.Module):
    """Raises in its forward what it is told."""

    def __init__(self, channels: int, error: Exception) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: Tensor) -> Tensor:
        raise self.error


class Strider(nn.Module):
    """A mixer that forgets its stride, or says other channels than it has."""

    def __init__(self, planes: int, stride: int, channels: int = 0, forgets: bool = False) -> None:
        super().__init__()
        self.channels = channels or planes
        self.conv = nn.Conv2d(self.channels, planes, 1, 1 if forgets else stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Sum(nn.Module):
    def __init__(self, channels: int, cut: int = 0) -> None:
        super().__init__()
        self.cut = cut

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        return (x + shortcut)[:, self.cut :]


class Spectrum(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft2(x).abs()


class Several(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


def cost_of(**sites: object) -> object:
    return Prices(SHAPE)(partial(small, **sites))


def picked(channels: int) -> object:
    return {64: SE}[channels](channels)


WORDS = {
    "a gate that halves": (
        partial(Prices((3, 32, 32)), partial(resnet50, gate=[None, None, None, Half])),
        "gate.3: Half(2048) returned (1, 1024, 1, 1) for (1, 2048, 1, 1); "
        "a gate keeps its input's shape",
    ),
    "a gate everywhere": (
        partial(cost_of, gate=Half),
        "gate: Half(256) returned (1, 128, 32, 32) for (1, 256, 32, 32); "
        "a gate keeps its input's shape",
    ),
    "a place by name": (
        partial(cost_of, gate={"stage2.0": Half}),
        "gate.stage2.0: Half(512) returned (1, 256, 16, 16) for (1, 512, 16, 16); "
        "a gate keeps its input's shape",
    ),
    "an inner": (
        partial(cost_of, inner=Half),
        "inner: Half(64) returned (1, 32, 32, 32) for (1, 64, 32, 32); "
        "an inner keeps its input's shape",
    ),
    "after a stage": (
        partial(cost_of, after=[None, Half]),
        "after.1: Half(512) returned (1, 256, 16, 16) for (1, 512, 16, 16); "
        "an after keeps its input's shape",
    ),
    "a fuse": (
        partial(cost_of, fuse=partial(Sum, cut=1)),
        "fuse: Sum(256) returned (1, 255, 32, 32) for (1, 256, 32, 32) and (1, 256, 32, 32); "
        "a fuse keeps its input's shape",
    ),
    "an activation": (
        partial(cost_of, act=partial(nn.GLU, 1)),
        "act: GLU() returned (1, 32, 32, 32) for (1, 64, 32, 32); an act keeps its input's shape",
    ),
    "a mixer of other channels": (
        partial(cost_of, mix=partial(Strider, channels=96)),
        "mix: Strider(64, 1) returned (1, 64, 32, 32) for (1, 96, 32, 32); "
        "a mix returns its .channels at its stride, (1, 96, 32, 32)",
    ),
    "a mixer without its stride": (
        partial(cost_of, mix=[None, partial(Strider, forgets=True)]),
        "mix.1: Strider(128, 2) returned (1, 128, 32, 32) for (1, 128, 32, 32); "
        "a mix returns its .channels at its stride, (1, 128, 16, 16)",
    ),
    "a mixer without channels": (
        partial(cost_of, mix=lambda planes, stride: SE(planes)),
        "SE has no .channels; a mix says how many it works on",
    ),
    "a constructor": (
        partial(cost_of, gate=partial(Picky, groups=5)),
        "gate: Picky(256): channels = 256 is not divisible by 5 groups",
    ),
    "a constructor that looks up": (
        partial(cost_of, gate=picked),
        "gate: picked(256): KeyError 256",
    ),
    "an argument that is not there": (
        partial(cost_of, gate=partial(SE, reducton=4)),
        "gate: SE(256): SE.__init__() got an unexpected keyword argument 'reducton'",
    ),
    "a factory of something else": (
        partial(cost_of, gate=lambda channels: channels),
        "gate: <lambda>(256) returned an int, not a module",
    ),
    "a forward of something else": (
        partial(cost_of, gate=Several),
        "gate: Several(256) returned a tuple for (1, 256, 32, 32); a gate keeps its input's shape",
    ),
    "a forward that refuses its size": (
        partial(cost_of, inner=partial(SCSA, window=40)),
        "inner: SCSA(64) on (1, 64, 32, 32): a 32x32 map is smaller than the window of 40; "
        "window=None pools globally",
    ),
    "a forward that asserts": (
        partial(cost_of, gate=partial(Failing, error=AssertionError())),
        "gate: Failing(256) on (1, 256, 32, 32): AssertionError",
    ),
    "the first line of many": (
        partial(cost_of, gate=partial(Failing, error=RuntimeError("one\ntwo"))),
        "gate: Failing(256) on (1, 256, 32, 32): one",
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_a_misfit_is_told_in_these_words(name: str) -> None:
    cost, words = WORDS[name]

    with pytest.raises(MisfitError) as misfit:
        cost()

    assert words in str(misfit.value)
    assert "\n" not in str(misfit.value)


def test_a_misfit_is_told_again_in_the_same_words() -> None:
    prices = Prices(SHAPE)
    network = partial(small, gate=[Half, SE])

    for _ in range(2):
        with pytest.raises(ShapeError, match=r"gate.0: Half\(256\) returned"):
            prices(network)


def test_what_a_module_does_wrong_anywhere_is_told_from_what_it_refuses_here() -> None:
    for wrong in (partial(cost_of, gate=Half), partial(cost_of, gate=lambda channels: None)):
        with pytest.raises(ShapeError):
            wrong()
    with pytest.raises(MisfitError) as misfit:
        cost_of(gate=partial(Picky, groups=5))
    assert not isinstance(misfit.value, ShapeError)


def test_an_operator_without_a_rule_is_no_misfit() -> None:
    with pytest.raises(UncountedError, match="aten::_fft_"):
        cost_of(gate=Spectrum)


def test_a_fault_in_a_module_keeps_its_traceback() -> None:
    class Faulty(Half):
        def forward(self, x: Tensor) -> Tensor:
            return x * self.weigth

    with pytest.raises(AttributeError, match="weigth"):
        cost_of(gate=Faulty)


def test_a_probe_answers_for_its_factory() -> None:
    probe = Probe("gate", Picky)

    assert probe.__call__(3).probed == "gate"
    assert Probe("mix", partial(SE, reduction=4)).keywords == {"reduction": 4}
    with pytest.raises(AttributeError, match="expansion"):
        _ = probe.expansion


@pytest.mark.parametrize("path", ["norm", "0", "block.gate", "gates"])
def test_only_what_stands_at_a_site_is_watched(path: str) -> None:
    assert probed(path, SE) is SE


@pytest.mark.parametrize("value", [None, 3, "gate", (), nn.ReLU()])
def test_only_factories_are_watched(value: object) -> None:
    assert probed("gate", value) is value


def test_a_module_may_be_called_with_keywords() -> None:
    class Weighted(Picky):
        def forward(self, x: Tensor, *, weight: float) -> Tensor:
            return x * weight

    module = Probe("gate", Weighted)(3)

    assert module(torch.ones(1, 3, 2, 2), weight=2.0).sum() == 24


def test_a_watched_module_is_itself_again_when_released() -> None:
    module = SE(64)
    before = set(vars(module))
    network = nn.Sequential(Probe("gate", lambda channels: module)(64))
    assert {"probed", "forward"} <= set(vars(module))

    release(network)

    assert set(vars(module)) == before


def test_a_module_at_two_places_is_watched_once() -> None:
    shared = SE(256)

    def build() -> nn.Module:
        probe = Probe("gate", lambda channels: shared)
        return nn.Sequential(probe(256), probe(256))

    cost = measure(build, (256, 4, 4))

    assert cost.params == 2 * 256 * 16 + 16 + 256
    assert set(vars(shared)) == set(vars(SE(256)))


@pytest.mark.parametrize("needs", ["constructor", "forward"])
def test_a_module_that_needs_values_is_no_misfit(needs: str) -> None:
    class Needing(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.factor = torch.ones(1).sum().item() if needs == "constructor" else 1.0

        def forward(self, x: Tensor) -> Tensor:
            return x * (x.amax().item() if needs == "forward" else self.factor)

    cost = Prices(SHAPE)(partial(resnet18, stem="cifar", gate=[Needing, None, None, None]))

    assert cost.macs == Prices(SHAPE)(partial(resnet18, stem="cifar")).macs
