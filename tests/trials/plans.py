"""Small networks with plans, priced and counted alone."""

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor, nn

from modules.attention.eca import ECA
from modules.attention.se import SE
from modules.attention.simam import SimAM
from modules.backbones.network import Backbone, Plan
from trials.cost import Pass, forward, measure
from trials.price import Prices

SHAPE = (3, 16, 16)
Factory = Callable[..., nn.Module]


class Block(nn.Module):
    """A convolution and what stands behind it."""

    def __init__(self, inside: int, out: int, gate: Factory | None = None, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, out, 3, stride, padding=1)
        self.gate = gate(out) if gate else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(self.conv(x))


class Runs:
    """Counts with the common counter, and notes what of."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, build: Callable[[], nn.Module], shape: tuple[int, ...]) -> Pass:
        function = build.func if isinstance(build, partial) else build
        is_whole = isinstance(function, Backbone)
        self.names.append("network" if is_whole else getattr(function, "__name__", "?"))
        return forward(build, shape)


def check(networks: Sequence[Callable[..., nn.Module]], shape: tuple[int, ...] = SHAPE) -> Runs:
    """Price networks one after another, each as if alone."""
    runs = Runs()
    prices = Prices(shape, run=runs)
    for network in (*networks, *networks):
        assert prices(network) == measure(network, shape), network
    return runs


def with_gates(plan: Callable[..., Plan]) -> list[Callable[..., nn.Module]]:
    """Return a plan's networks with gates of several kinds and numbers."""
    backbone = Backbone(plan)
    gates = (SE, ECA, partial(SE, reduction=4), None, SimAM)
    return [partial(backbone, gate=gate) for gate in gates]


def straight(gate: Factory | None = None) -> Plan:
    return {
        "stem": partial(nn.Conv2d, 3, 8, 3),
        "stage1.0": partial(Block, 8, 16, gate),
        "head": partial(Block, 16, 16, gate, stride=2),
    }
