"""Time and memory, as a clock and a count by hand find them."""

import time
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from modules.backbones.resnet import resnet20
from trials.speed import Held, repeat, speed, warm_up

FLOAT = 4


class Sleeper(nn.Module):
    """Takes as long as it is told."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(self.seconds)
        return x


class Modes(nn.Module):
    """Notes how it is called."""

    def forward(self, x: Tensor) -> Tensor:
        MODES.add((self.training, torch.is_grad_enabled(), tuple(x.shape)))
        return x


MODES: set[tuple[bool, bool, tuple[int, ...]]] = set()


def test_a_network_takes_as_long_as_its_slowest_part() -> None:
    found = speed(partial(Sleeper, 0.01), (3, 8, 8), batch=4)

    assert 0.01 <= found.lowest <= found.latency <= found.highest
    assert found.latency < 0.05
    assert found.throughput == 4 / found.latency
    assert found.repeats >= 30


def test_a_measurement_says_what_it_was_made_with() -> None:
    found = speed(partial(resnet20, num_classes=10), (3, 8, 8), batch=2)

    assert (found.batch, found.threads) == (2, torch.get_num_threads())
    assert found.device


def test_networks_are_measured_evaluated_and_without_gradients() -> None:
    MODES.clear()

    speed(Modes, (3, 8, 8), batch=3)

    assert {(False, False, (3, 3, 8, 8))} == MODES


def test_memory_is_what_is_alive_at_once() -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1))

    found = speed(build, (3, 16, 16), batch=2)

    weights = 3 * 8 * 9 + 8 + 8 * 4 + 4
    image, wide = 2 * 3 * 256, 2 * 8 * 256
    # the activation needs its input and its result, the last convolution gives back the former
    assert found.memory == FLOAT * (weights + image + 2 * wide)


def test_an_activation_in_place_holds_half_of_that() -> None:
    def build(inplace: bool) -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(inplace), nn.ReLU(inplace))

    there, anew = (speed(partial(build, inplace), (3, 16, 16)) for inplace in (True, False))

    assert anew.memory - there.memory == FLOAT * 8 * 256


def test_a_view_holds_nothing_and_a_result_is_given_back() -> None:
    held = Held([])

    with held:
        x = torch.zeros(100)
        y = x.view(10, 10).transpose(0, 1)
        assert held.held == 400
        z = y + 1
        assert (held.held, held.peak) == (800, 800)
        del x, y
        assert (held.held, held.peak) == (400, 800)
    assert z.shape == (10, 10)


def test_passes_are_run_until_their_time_settles() -> None:
    falling = [1 / count for count in range(1, 200)]
    taken: list[float] = []

    def once() -> float:
        taken.append(falling[len(taken)])
        return taken[-1]

    warm_up(once)

    # medians of five that fall by less than a twentieth
    assert 0.95 <= falling[len(taken) - 3] / falling[len(taken) - 8] < 1
    assert len(taken) % 5 == 0


def test_quick_passes_are_repeated_more_often_than_slow_ones() -> None:
    assert len(repeat(lambda: 0.5)) == 30
    assert len(repeat(lambda: 0.01)) in (100, 101)
    assert len(repeat(lambda: 1e-6)) == 1000


def test_a_network_that_was_there_stays_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).train()
    torch.manual_seed(3)
    drawn = torch.rand(1)
    torch.manual_seed(3)

    speed(lambda: network, (3, 8, 8))

    assert network.training
    assert torch.equal(torch.rand(1), drawn)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch": 0}, "batch = 0 is not a whole number from 1 up"),
        ({"device": "tpu"}, "device = 'tpu' is not one of 'auto', 'cpu', 'cuda', 'cuda:N'"),
    ],
)
def test_a_measurement_that_cannot_be_made_is_refused(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        speed(resnet20, (3, 8, 8), **arguments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(ValueError, match="GPU"):
        speed(resnet20, (3, 8, 8), device="cuda")


@pytest.mark.gpu
def test_a_gpu_times_itself() -> None:
    held = torch.zeros(1 << 20, device="cuda")
    first, second = (speed(resnet20, (3, 32, 32), batch=64, device="cuda") for _ in range(2))

    assert 0 < first.lowest <= first.latency <= first.highest
    assert first.memory == second.memory > FLOAT * 64 * 3 * 32 * 32
    assert held.is_cuda
