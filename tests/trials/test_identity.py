"""Labels that make the same network are found out; labels that only look alike are not mixed up."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from modules.attention.dual import PAM
from modules.attention.eca import ECA
from modules.attention.mspa import MSPA
from modules.attention.scsa import SCSA
from modules.attention.se import SE
from modules.attention.simam import SimAM
from modules.attention.spem import SPEM
from modules.backbones.resnet import resnet20, resnet50
from trials.identity import fingerprint

SHAPE = (3, 16, 16)
small = partial(resnet20, depths=(1, 1, 1), num_classes=10)
bottlenecks = partial(resnet50, depths=(1, 1), planes=16, stem="cifar", num_classes=10)


def same(one, other, shape=SHAPE) -> bool:
    return fingerprint(one, shape) == fingerprint(other, shape)


class Scaled(nn.Module):
    """Weighs its input by a weight that starts at zero, so that `power` shows only later."""

    def __init__(self, channels: int, power: int, held: bool = False) -> None:
        super().__init__()
        self.power, self.held = power, held
        self.scale = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        weighed = x.detach() if self.held else x
        return x + self.scale * weighed**self.power


class Penalised(nn.Module):
    def __init__(self, channels: int, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, x: Tensor) -> Tensor:
        self.mean = x.mean()
        return x

    def penalty(self) -> Tensor:
        return self.weight * self.mean**2


@pytest.mark.parametrize("channels", [64, 128])
def test_a_kernel_chosen_by_rule_is_the_kernel_it_chooses(channels: int) -> None:
    size = ECA(channels).conv.kernel_size[0]

    assert size in (3, 5)
    assert same(partial(ECA, channels), partial(ECA, channels, k=size), (channels, 4, 4))
    assert not same(partial(ECA, channels), partial(ECA, channels, k=9), (channels, 4, 4))


def test_two_reductions_that_leave_one_hidden_channel_are_one_architecture() -> None:
    first = partial(small, gate=[partial(SE, reduction=16), None, None])
    second = partial(small, gate=[partial(SE, reduction=32), None, None])
    third = partial(small, gate=[partial(SE, reduction=8), None, None])

    assert same(first, second)
    assert not same(first, third)


def test_one_scale_has_no_hierarchy() -> None:
    def mixed(scales: int, hierarchical: bool):
        mix = partial(MSPA, scales=scales, omega=32, hierarchical=hierarchical)
        return partial(bottlenecks, mix=mix)

    assert same(mixed(1, True), mixed(1, False))
    assert not same(mixed(2, True), mixed(2, False))


def test_a_dilation_shows_where_a_stage_strides() -> None:
    def mixed(stride: int, dilate: bool):
        return partial(MSPA, 32, stride, scales=2, omega=32, dilate=dilate)

    channels = MSPA(32, scales=2, omega=32).channels

    assert not same(mixed(2, True), mixed(2, False), (channels, 8, 8))
    assert same(mixed(1, True), mixed(1, False), (channels, 8, 8))


def test_heads_and_strengths_differ_although_no_shape_does() -> None:
    one, eight = (partial(SCSA, 64, heads=heads) for heads in (1, 8))
    weak, strong = (partial(SimAM, 64, strength) for strength in (1e-4, 1e-1))

    assert not same(one, eight, (64, 14, 14))
    assert not same(weak, strong, (64, 4, 4))


def test_what_a_weight_of_zero_hides_is_found() -> None:
    once, twice = (partial(Scaled, 4, power) for power in (1, 2))

    assert not same(once, twice, (4, 4, 4))
    assert not same(partial(PAM, 16, reduction=1), partial(PAM, 16, reduction=2), (16, 4, 4))


def test_networks_that_learn_differently_differ() -> None:
    def learner(held: bool) -> nn.Module:
        return nn.Sequential(nn.Conv2d(4, 4, 1), Scaled(4, 1, held))

    x = torch.randn(1, 4, 4, 4)
    one, other = learner(False), learner(True)
    other.load_state_dict(one.state_dict())

    assert torch.equal(one(x), other(x))
    assert not same(partial(learner, False), partial(learner, True), (4, 4, 4))


def test_penalties_tell_networks_apart() -> None:
    assert not same(partial(Penalised, 4, 0.1), partial(Penalised, 4, 0.2), (4, 4, 4))
    assert same(partial(small, gate=SPEM), partial(small, gate=SPEM))


def test_a_network_that_was_there_and_other_draws_stay_as_they_were() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(3)
    drawn = torch.rand(1)
    torch.manual_seed(3)

    fingerprint(lambda: network, SHAPE)

    assert torch.equal(torch.rand(1), drawn)
    assert not network.training
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_the_seed_and_the_names_of_a_state_count() -> None:
    named = nn.Sequential()
    named.add_module("other", nn.ReLU())

    assert fingerprint(small, SHAPE, seed=0) != fingerprint(small, SHAPE, seed=1)
    assert fingerprint(small, SHAPE) == fingerprint(small, SHAPE)
    assert same(lambda: named, lambda: nn.Sequential(nn.ReLU()))
