"""Networks cost what torch's own counter and sums by hand say, and stay as they were."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import pytest
import torch
import torchvision.models
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import modules
from modules.attention.se import SE
from modules.backbones.googlenet import googlenet
from modules.backbones.mobilenet import mobilenet_v2
from modules.backbones.preact_resnet import preact_resnet18
from modules.backbones.resnet import resnet18, resnet50
from modules.backbones.resnext import resnext50_32x4
from modules.backbones.shufflenet import shufflenet_v2
from tests.references import parameters
from trials.cost import Cost, forward, measure
from trials.count import UncountedError

VISION = [
    *("resnet50", "convnext_tiny", "mobilenet_v3_large", "efficientnet_b0"),
    *("densenet121", "swin_t", "swin_v2_t", "vit_b_16"),
]
OURS = [googlenet, mobilenet_v2, preact_resnet18, resnext50_32x4, shufflenet_v2, resnet18]
ZOO = [name for name in modules.__all__ if hasattr(getattr(modules, name), "site")]
SIZE = 56


def flops(build: Callable[[], nn.Module], *shapes: tuple[int, ...]) -> int:
    with torch.device("meta"):
        network, images = build().eval(), [torch.zeros(1, *shape) for shape in shapes]
    with torch.no_grad(), FlopCounterMode(display=False) as theirs:
        network(*images)
    return int(theirs.get_total_flops())


def zoo_module(name: str) -> tuple[Callable[[], nn.Module], list[tuple[int, ...]]]:
    kind = getattr(modules, name)
    channels = {"ShuffleAttention": 128}.get(name, 64)
    arguments = (channels, 2) if kind.site == "mix" else () if kind.site == "act" else (channels,)
    build = partial(kind, *arguments)
    width = build().channels if kind.site == "mix" else channels
    return build, [(width, SIZE, SIZE)] * (2 if kind.site == "fuse" else 1)


class Valued(nn.Module):
    """Costs more where its values are large."""

    def __init__(self, channels: int, threshold: float = 0.0) -> None:
        super().__init__()
        self.cheap = nn.Conv2d(channels, channels, 1)
        self.dear = nn.Conv2d(channels, channels, 3, padding=1)
        self.register_buffer("threshold", torch.tensor(threshold))

    def forward(self, x: Tensor) -> Tensor:
        return self.dear(x) if self.threshold.item() > 0.5 else self.cheap(x)


class BuiltByValues(nn.Module):
    """Asks a tensor how wide it is to be."""

    def __init__(self) -> None:
        super().__init__()
        widths = torch.linspace(4, 8, 3)
        self.convs = nn.Sequential(nn.Conv2d(3, int(widths[0].item()), 1))
        for before, after in pairwise(widths):
            self.convs.append(nn.Conv2d(int(before.item()), int(after.item()), 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.convs(x)


@pytest.mark.parametrize("name", VISION)
def test_networks_of_torchvision_are_counted_without_refusal(name: str) -> None:
    build = partial(getattr(torchvision.models, name), weights=None)

    cost = measure(build, (3, 224, 224))

    assert 2 * cost.macs == flops(build, (3, 224, 224))
    with torch.device("meta"):
        assert cost.params == parameters(build())


@pytest.mark.parametrize("backbone", OURS, ids=lambda backbone: backbone.__name__)
def test_our_backbones_cost_what_torch_counts(backbone: Callable[..., nn.Module]) -> None:
    build = partial(backbone, stem="imagenet") if backbone is googlenet else backbone

    cost = measure(build, (3, 224, 224))

    assert 2 * cost.macs == flops(build, (3, 224, 224))


@pytest.mark.parametrize("name", ZOO)
def test_modules_of_the_zoo_cost_what_torch_counts(name: str) -> None:
    build, shapes = zoo_module(name)
    if len(shapes) > 1:
        pytest.skip("takes two maps: counted in a backbone in test_price")

    cost = measure(build, shapes[0])

    assert cost.params == parameters(build())
    assert 2 * cost.macs == flops(build, *shapes)


def test_resnet_50_costs_what_everybody_prints() -> None:
    cost = measure(resnet50, (3, 224, 224))

    assert (cost.params, cost.macs) == (25_557_032, 4_089_184_256)


def test_activations_are_the_bytes_of_every_result() -> None:
    def build() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2)
        )

    # the activation overwrites the norm's result; the pool writes values and their int64 places
    pixels = 6 * 6
    assert measure(build, (3, 8, 8)).activations == 4 * 2 * 8 * pixels + (4 + 8) * 8 * pixels // 4


def test_a_pass_on_the_cpu_writes_the_same_results() -> None:
    def build() -> nn.Module:
        network = resnet18(stem="cifar", gate=SE, num_classes=10)
        return network.to(memory_format=torch.channels_last)

    def pausing() -> nn.Module:
        return nn.Sequential(Paused(), build())

    class Paused(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x.sum().item()
            return x

    alone, paused = (measure(each, (3, 16, 16)) for each in (build, pausing))

    assert paused == alone + Cost(0, 0, 4)


def test_costs_add_up() -> None:
    assert Cost(1, 2, 3) + Cost(10, 20, 30) == Cost(11, 22, 33)


@pytest.mark.parametrize(("threshold", "kernel"), [(0.0, 1), (1.0, 9)])
def test_a_module_that_looks_at_its_values_is_counted_by_them(
    threshold: float, kernel: int
) -> None:
    cost = measure(partial(Valued, 8, threshold), (8, 4, 4))

    assert cost.macs == 16 * 8 * 8 * kernel


def test_equal_blocks_of_unequal_values_are_each_counted() -> None:
    def build() -> nn.Module:
        return nn.Sequential(Valued(8, 0.0), Valued(8, 1.0), Valued(8, 0.0))

    assert measure(build, (8, 4, 4)).macs == 16 * 8 * 8 * (1 + 9 + 1)


def test_a_network_built_from_values_is_still_run_without() -> None:
    found = forward(BuiltByValues, (1, 3, 4, 4))

    assert found.cost.macs == 16 * (3 * 4 + 4 * 6 + 6 * 8)
    assert found.shape == (1, 8, 4, 4)


def test_attention_is_counted_beside_a_module_that_needs_values() -> None:
    class Attended(Valued):
        def __init__(self) -> None:
            super().__init__(8)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            pixels = super().forward(x).flatten(2).transpose(1, 2)
            return self.attention(pixels, pixels, pixels)[0]

    cost = measure(Attended, (8, 4, 4))

    assert cost.macs == 16 * 8 * 8 + 4 * 16 * 8 * 8 + 2 * 16 * 16 * 8


def test_the_cost_of_values_that_are_drawn_is_the_same_each_time() -> None:
    class Drawn(Valued):
        def __init__(self) -> None:
            super().__init__(8, float(torch.rand(()).item()))

    torch.manual_seed(1)
    state = torch.get_rng_state()

    costs = {measure(Drawn, (8, 4, 4)) for _ in range(8)}

    assert len(costs) == 1
    assert torch.equal(state, torch.get_rng_state())


def test_a_network_that_was_there_is_counted_and_stays_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout()).train()
    network[1].eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    attributes = [set(vars(module)) for module in network.modules()]

    cost = measure(lambda: network, (3, 8, 8))

    assert cost.macs == 36 * 27 * 8
    assert [module.training for module in network.modules()] == [True, True, False, True]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert [set(vars(module)) for module in network.modules()] == attributes
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network)


def test_one_that_needs_values_stays_as_it_was_too() -> None:
    network = nn.Sequential(Valued(8), nn.BatchNorm2d(8)).train()

    measure(lambda: network, (8, 4, 4))

    assert all(module.training for module in network.modules())
    assert network[1].num_batches_tracked == 0


def test_shared_parameters_count_once() -> None:
    def build() -> nn.Module:
        shared = SE(64)
        return nn.Sequential(shared, nn.ReLU(), shared)

    once, twice = measure(partial(SE, 64), (64, 4, 4)), measure(build, (64, 4, 4))

    assert (twice.params, twice.macs) == (once.params, 2 * once.macs)


def test_a_refusal_is_not_taken_for_a_lack_of_values() -> None:
    calls = []

    def build() -> nn.Module:
        calls.append(1)
        return nn.Sequential(nn.Conv2d(3, 4, 1), Spectrum())

    class Spectrum(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.fft.rfft2(x).abs()

    with pytest.raises(UncountedError, match="aten::_fft_r2c"):
        measure(build, (3, 8, 8))
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("finish", "shape"),
    [
        (nn.Identity, (1, 4, 6, 6)),
        (partial(nn.Flatten, 2), (1, 4, 36)),
    ],
)
def test_a_pass_tells_what_shape_comes_out(
    finish: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    found = forward(lambda: nn.Sequential(nn.Conv2d(3, 4, 3), finish()), (1, 3, 8, 8))

    assert found.shape == shape


class Turned(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(2, 3)


class Half(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.half()


class Both(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


@pytest.mark.parametrize("kind", [Turned, Half, Both])
def test_what_a_shape_does_not_describe_has_none(kind: type[nn.Module]) -> None:
    assert forward(kind, (1, 3, 8, 4)).shape == ()
