"""A block that stands in a network many times is counted once, and no other is taken for it."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modules.attention.eca import ECA
from modules.attention.se import SE
from modules.attention.spem import SPEM
from modules.backbones.resnet import resnet50
from trials.count import Counter
from trials.repeats import counted_once

CHANNELS = 8


class Plain(nn.Module):
    """A block with a child, so that it may be a repeat."""

    def __init__(self, kernel: int = 1, **convolution: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, CHANNELS, kernel, padding=kernel // 2, **convolution)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Attributed(Plain):
    """Runs its child as often as an attribute of any name says."""

    def __init__(self, name: str, times: object) -> None:
        super().__init__()
        setattr(self, name, times)
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        times = getattr(self, self.name)
        times = times["times"] if isinstance(times, dict) else times
        times = times() if callable(times) else len(times) if isinstance(times, list) else times
        for _ in range(times):
            x = self.conv(x)
        return x


class Counting(Plain):
    """Runs its child once more each time: what it did is not what it will do."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        for _ in range(self.calls):
            x = self.conv(x)
        return x


class Noting(Plain):
    """Keeps its result for whoever asks."""

    def forward(self, x: Tensor) -> Tensor:
        self.result = self.conv(x)
        return self.result


class Listed(Plain):
    """Adds its result to a list that all blocks share."""

    def __init__(self, results: list[Tensor]) -> None:
        super().__init__()
        self.results = results

    def forward(self, x: Tensor) -> Tensor:
        self.results.append(self.conv(x))
        return self.results[-1]


class Asked(nn.Module):
    """Uses what its blocks have kept."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Noting() for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return torch.stack([block.result for block in self.blocks]).sum(0)


class Turning(nn.Module):
    """Turns each block's result in place, which must not turn the next one's."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Plain() for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            result = block(x)
            assert tuple(result.shape) == (1, CHANNELS, 6, 4)
            result.transpose_(2, 3)
        return result


class Copying(Plain):
    """Writes a copy of what does not lie in order."""

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.contiguous())


class Copied(nn.Module):
    """Gives equal blocks equal shapes that lie differently in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = Copying(), Copying()

    def forward(self, x: Tensor) -> Tensor:
        square = x[..., :4, :4].contiguous()
        return self.one(square) + self.other(square.transpose(2, 3))


def chain(*blocks: nn.Module) -> nn.Module:
    return nn.Sequential(*blocks)


def spent(network: nn.Module, once: bool) -> tuple[int, int, int]:
    """Return macs, activations, and how many convolutions were really run."""
    runs: list[int] = []

    class Noted(Counter):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            runs.extend([1] * (func is torch.ops.aten.convolution.default))
            return super().__torch_dispatch__(func, types, args, kwargs)

    counter = Noted()
    x = torch.zeros(1, CHANNELS, 6, 4, device="meta")
    network = network.to("meta").eval()
    with torch.no_grad():
        if once:
            with counted_once(network, counter), counter:
                network(x)
        else:
            with counter:
                network(x)
    return counter.macs, counter.activations, len(runs)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "repeats": (lambda: chain(*(Plain() for _ in range(4))), 1),
    "repeats of repeats": (lambda: chain(*(chain(Plain(), Plain()) for _ in range(3))), 1),
    "strides": (lambda: chain(Plain(3), Plain(3, stride=2), Plain(3)), 3),
    "dilations": (lambda: chain(Plain(3), Plain(3, dilation=2)), 2),
    "groups": (lambda: chain(Plain(3), Plain(3, groups=2), Plain(3, groups=4)), 3),
    "kernels": (lambda: chain(Plain(1), Plain(3)), 2),
    "numbers": (lambda: chain(Attributed("times", 1), Attributed("times", 2)), 3),
    "private numbers": (lambda: chain(Attributed("_times", 1), Attributed("_times", 2)), 3),
    "equal numbers": (lambda: chain(Attributed("_times", 2), Attributed("_times", 2)), 2),
    "mappings": (lambda: chain(*(Attributed("own", {"times": t}) for t in (1, 2))), 3),
    "equal mappings": (lambda: chain(*(Attributed("own", {"times": 2}) for _ in "ab")), 2),
    "lists": (lambda: chain(*(Attributed("own", [0] * t) for t in (1, 2))), 3),
    "functions": (lambda: chain(*(Attributed("own", lambda t=t: t) for t in (1, 2))), 3),
    "calls": (lambda: chain(*(Attributed("own", partial(int, t)) for t in (1, 2))), 3),
    "what counts its calls": (lambda: chain(Counting(), Counting()), 2),
    "what counts one block's calls": (lambda: chain(*[Counting()] * 3), 6),
    "what is kept": (partial(Asked, 3), 3),
    "what is kept elsewhere": (lambda: chain(*map(Listed, [[]] * 3)), 3),
    "what is turned": (partial(Turning, 3), 1),
    "what lies differently": (Copied, 2),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_counting_once_changes_no_count(name: str) -> None:
    build, runs = NETWORKS[name]

    alone, once = spent(build(), once=False), spent(build(), once=True)

    assert once[:2] == alone[:2]
    assert once[2] == runs


@pytest.mark.parametrize("gate", [None, SE, ECA, SPEM])
def test_a_resnet_costs_the_same_and_half_of_it_is_run(gate: type[nn.Module] | None) -> None:
    class Grey(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = resnet50(gate=gate, stem="cifar", num_classes=10)

        def forward(self, x: Tensor) -> Tensor:
            return self.network(F.interpolate(x[:, :3], size=(32, 32)))

    with torch.device("meta"):
        alone, once = spent(Grey(), once=False), spent(Grey(), once=True)

    assert once[:2] == alone[:2]
    assert once[2] < 0.6 * alone[2]


def test_a_hook_is_called_for_every_block_that_has_one() -> None:
    seen = []
    network = chain(Plain(), Plain(), Plain())
    network[1].register_forward_hook(lambda *_: seen.append(1))

    *_, runs = spent(network, once=True)

    assert seen == [1]
    assert runs == 2


def test_blocks_of_another_type_of_weights_are_others() -> None:
    network = chain(Plain(), nn.Identity(), Plain())
    network[2].conv.half()

    with pytest.raises(RuntimeError, match="type"):
        spent(network, once=True)


def test_the_forward_of_every_block_is_its_own_again() -> None:
    network = chain(Plain(), Plain())

    with pytest.raises(ZeroDivisionError), counted_once(network, Counter()):
        assert "forward" in vars(network[0])
        raise ZeroDivisionError

    assert not any("forward" in vars(module) for module in network.modules())
