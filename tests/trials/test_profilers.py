"""Profilers say what they say as they ship, part by part too, and leave no trace."""

import contextlib
import io
import warnings
from collections.abc import Callable
from functools import partial

import pytest
import torch
import torchvision.models
from torch import Tensor, nn
from torch.nn import functional as F

from modules.attention.cbam import CBAM
from modules.attention.dual import DualAttention
from modules.attention.eca import ECA
from modules.attention.mspa import MSPA
from modules.attention.scsa import SCSA
from modules.attention.se import SE
from modules.attention.sk import SK
from modules.backbones.googlenet import googlenet
from modules.backbones.mobilenet import mobilenet_v2
from modules.backbones.preact_resnet import preact_resnet18
from modules.backbones.resnet import resnet18, resnet20, resnet50
from modules.backbones.shufflenet import shufflenet_v2
from trials.cost import measure
from trials.price import Prices
from trials.probe import MisfitError
from trials.profilers import PROFILERS, ProfilerError, difference, profile

SHAPE = (3, 64, 64)
every_profiler = pytest.mark.parametrize("name", PROFILERS)


def as_shipped(name: str, network: nn.Module, shape: tuple[int, ...]) -> int:
    """Call a profiler as its README does, on a network of real weights."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "ptflops":
            from ptflops import get_model_complexity_info

            return get_model_complexity_info(
                network, shape, as_strings=False, print_per_layer_stat=False, backend="pytorch"
            )[0]
        import thop

        return int(thop.profile(network, inputs=(torch.zeros(1, *shape),), verbose=False)[0])


class Functional(nn.Module):
    """Attention and a head written with functions, which profilers see in part."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, stride=4)
        self.weight = nn.Parameter(torch.zeros(10, 16))

    def forward(self, x: Tensor) -> Tensor:
        tokens = F.relu(self.conv(x)).flatten(2).transpose(1, 2)
        mixed = F.softmax(tokens @ tokens.mT, dim=-1) @ tokens
        mixed = mixed + F.scaled_dot_product_attention(tokens, tokens, tokens)
        return F.linear(mixed.mean(1), self.weight)


NETWORKS = {
    "resnet50": partial(resnet50, gate=[SE, ECA, CBAM, None], num_classes=10),
    "resnet18": partial(resnet18, after=[None, DualAttention, None, SE], inner=[SCSA, *[None] * 3]),
    "preact": partial(preact_resnet18, mix=None, gate=SE),
    "mixers": partial(resnet50, mix=[MSPA, SK, None, None], depths=(1, 1, 1, 1)),
    "googlenet": partial(googlenet, gate=SE),
    "mobilenet": partial(mobilenet_v2, gate=ECA, act=nn.SiLU),
    "shufflenet": partial(shufflenet_v2, gate=SE),
    "torchvision": partial(torchvision.models.mobilenet_v3_small, weights=None),
    "functions": Functional,
}


@every_profiler
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_figure_is_the_one_of_a_plain_call_on_the_whole_network(kind: str, name: str) -> None:
    network = NETWORKS[kind]

    figure = Prices(SHAPE, run=PROFILERS[name])(network).macs

    assert figure == as_shipped(name, network(), SHAPE) > 0


@every_profiler
def test_figures_of_a_space_are_added_up_by_parts(name: str) -> None:
    runs = []

    def run(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> object:
        runs.append(build.func)
        return profile(name, build, shape)

    prices = Prices((3, 32, 32), run=run)
    networks = [partial(resnet20, gate=[gate, None, ECA]) for gate in (None, SE, ECA, CBAM)]
    figures = [prices(network).macs for network in networks]

    assert runs.count(resnet20) == 1
    assert figures == [as_shipped(name, network(), (3, 32, 32)) for network in networks]


@every_profiler
@pytest.mark.parametrize("kind", ["mine", "shared"])
def test_a_network_that_was_there_stays_as_it_was(kind: str, name: str) -> None:
    mine = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout()).train()
    before = {key: value.clone() for key, value in mine.state_dict().items()}
    attributes = [set(vars(module)) for module in mine.modules()]
    build = (lambda: mine) if kind == "mine" else lambda: nn.Sequential(nn.Conv2d(3, 3, 1), mine)

    figure = profile(name, build, (1, 3, 8, 8)).cost.macs

    assert figure > 36 * 27 * 8
    assert list(mine.state_dict()) == list(before)
    assert all(torch.equal(before[key], value) for key, value in mine.state_dict().items())
    assert all(module.training for module in mine.modules())
    assert [set(vars(module)) for module in mine.modules()] == attributes
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in mine.modules())


@every_profiler
def test_a_layer_alone_is_counted_like_one_in_a_network(name: str) -> None:
    alone = profile(name, partial(nn.Conv2d, 3, 8, 3), (1, 3, 8, 8))

    assert alone.cost.macs in (36 * 27 * 8, 36 * 27 * 8 + 36 * 8)
    assert alone.shape == (1, 8, 6, 6)


class Broken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def test_no_figure_is_an_error_and_never_a_zero() -> None:
    with pytest.raises(ProfilerError, match=r"^ptflops gives no figure: .*RuntimeError"):
        profile("ptflops", Broken, (1, 3, 8, 8))


def test_an_exception_is_an_error_and_never_a_zero() -> None:
    with pytest.raises(ProfilerError, match=r"^thop fails: RuntimeError: .*4 channels"):
        profile("thop", Broken, (1, 3, 8, 8))


@every_profiler
def test_what_does_not_fit_is_no_fault_of_the_profiler(name: str) -> None:
    def build() -> nn.Module:
        raise MisfitError("gate: SE(3): nothing left of 3 channels")

    with pytest.raises(MisfitError, match="nothing left"):
        profile(name, build, (1, 3, 8, 8))


class Valued(nn.Module):
    """Reads from a buffer how many channels it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.tensor(2))
        self.conv = nn.Conv2d(2, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x[:, : int(self.count)])


@every_profiler
def test_a_network_that_reads_its_values_is_given_them(name: str) -> None:
    state = torch.get_rng_state()

    figure = profile(name, Valued, (1, 3, 8, 8)).cost.macs

    assert torch.equal(state, torch.get_rng_state())
    assert figure == as_shipped(name, Valued(), (3, 8, 8)) > 0


@every_profiler
def test_nothing_is_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    profile(name, resnet20, (1, 3, 32, 32))

    assert capsys.readouterr().out == ""


def test_a_figure_far_from_the_headline_says_why() -> None:
    macs = measure(Functional, SHAPE).macs
    figures = {name: profile(name, Functional, (1, *SHAPE)).cost.macs for name in PROFILERS}

    remarks = [difference(name, figure, macs) for name, figure in figures.items()]

    # ptflops sees functions of torch.nn, thop sees layers; neither sees @
    assert remarks == [
        f"ptflops is {figures['ptflops'] / macs - 1:+.1%} off macs: it counts norms, activations, "
        "pools and biases, and no matrix product written as @",
        f"thop is {figures['thop'] / macs - 1:+.1%} off macs: it counts norms and some pools, and "
        "nothing that is not a module of torch.nn",
    ]
    assert figures["thop"] < macs


@pytest.mark.parametrize(
    ("figure", "macs", "words"),
    [
        (100, 100, ""),
        (102, 100, ""),
        (98, 100, ""),
        (103, 100, "thop is +3.0% off macs: it counts norms"),
        (97, 100, "thop is -3.0% off macs: it counts norms"),
        (0, 0, ""),
        (5000, 0, "thop says 5,000 where macs is 0: it counts norms"),
    ],
)
def test_a_remark_starts_at_two_percent(figure: int, macs: int, words: str) -> None:
    remark = difference("thop", figure, macs)

    assert remark.startswith(words)
    assert bool(remark) == bool(words)
