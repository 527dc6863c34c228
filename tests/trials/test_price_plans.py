"""Plans of all kinds: what comes apart is added up, what does not is counted whole, all exactly."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from modules.attention.eca import ECA
from modules.attention.psa import PSA
from modules.attention.se import SE
from modules.attention.simam import SimAM
from modules.backbones.network import Backbone, Plan
from modules.backbones.resnet import resnet18, resnet50
from tests.trials.plans import SHAPE, Block, Factory, check, straight, with_gates
from trials.cost import Cost, measure
from trials.count import UncountedError
from trials.price import Prices
from trials.probe import MisfitError


def test_a_plan_of_ones_own_is_added_up() -> None:
    runs = check(with_gates(straight))

    # one network is counted both ways, then two parts for each gate; the stem is the same in all
    assert runs.names.count("network") == 1
    assert runs.names.count("Conv2d") == 1
    assert runs.names.count("Block") == 2 * 5


def called(gate: Factory | None = None) -> Plan:
    """Call the factory to see what it makes."""
    wide = gate is not None and any(True for _ in gate(16).parameters())
    return {**straight(gate), "tail": partial(nn.Conv2d, 16, 32 if wide else 8, 1)}


def compared(gate: Factory | None = None) -> Plan:
    """Treat one factory unlike all others."""
    return {**straight(gate), "tail": partial(nn.Conv2d, 16, 32 if gate is ECA else 8, 1)}


def asked(gate: Factory | None = None) -> Plan:
    """Ask the factory for an attribute, with something to fall back on."""
    wide = getattr(gate, "site", "") == "gate"
    return {**straight(gate), "tail": partial(nn.Conv2d, 16, 32 if wide else 8, 1)}


def sorted_by_kind(gate: Factory | None = None) -> Plan:
    """Look at what kind of a factory it is."""
    return {
        **straight(gate),
        "tail": partial(nn.Conv2d, 16, 32 if isinstance(gate, type) else 8, 1),
    }


def elsewhere(gate: Factory | None = None) -> Plan:
    """Change a part in which the factory does not stand, and its order."""
    plan = straight(gate)
    return plan if gate in (ECA, None) else {"first": partial(nn.Conv2d, 3, 3, 1), **plan}


def closed(gate: Factory | None = None) -> Plan:
    """Hide the factory in a function."""
    return {
        "stem": partial(nn.Conv2d, 3, 8, 3),
        "rest": lambda: nn.Sequential(Block(8, 16, gate), Block(16, 16, gate)),
    }


@dataclass(frozen=True)
class Settings:
    gate: Factory | None

    def __call__(self) -> nn.Module:
        return Block(8, 16, self.gate)


def wrapped(gate: Factory | None = None) -> Plan:
    """Hide the factory in a value."""
    return {"stem": partial(nn.Conv2d, 3, 8, 3), "rest": Settings(gate)}


@pytest.mark.parametrize(
    "plan", [called, compared, asked, sorted_by_kind, elsewhere, closed, wrapped]
)
def test_a_plan_that_looks_into_its_factories_is_counted_whole(plan: Callable[..., Plan]) -> None:
    runs = check(with_gates(plan))

    assert runs.names.count("network") > 1


def test_a_plan_that_does_something_else_with_nothing_is_still_added_up() -> None:
    def defaulting(gate: Factory | None = None, other: Factory | None = None) -> Plan:
        plan = straight(gate or ECA)
        return plan if other is None else {**plan, "more": partial(other, 16)}

    backbone = Backbone(defaulting)

    runs = check(
        [
            partial(backbone, gate=gate, other=other)
            for gate in (None, SE, ECA)
            for other in (None, SE, SimAM)
        ]
    )

    assert runs.names.count("network") == 1


class Dense(nn.Module):
    """Hands every block the stem's map too, whatever its plan may say."""

    def __init__(self, gate: Factory | None = None) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.one = Block(8, 8, gate)
        self.other = Block(16, 8, gate)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.other(torch.cat([x, self.one(x)], dim=1))

    @staticmethod
    def plan(gate: Factory | None = None) -> Plan:
        return {
            "stem": partial(nn.Conv2d, 3, 8, 3, padding=1),
            "one": partial(Block, 8, 8, gate),
            "other": partial(Block, 16, 8, gate),
        }


class Twice(Dense):
    """Runs a block twice, which its plan does not say."""

    def __init__(self, gate: Factory | None = None) -> None:
        super().__init__(gate)
        self.other = Block(8, 8, gate)

    def forward(self, x: Tensor) -> Tensor:
        return self.other(self.one(self.one(self.stem(x))))

    @staticmethod
    def plan(gate: Factory | None = None) -> Plan:
        return {**Dense.plan(gate), "other": partial(Block, 8, 8, gate)}


class Two(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one, self.other = nn.Conv2d(3, channels, 1), nn.Conv2d(3, channels, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.one(x), self.other(x)


class Join(nn.Module):
    def __init__(self, gate: Factory | None, channels: int) -> None:
        super().__init__()
        self.gate = gate(channels) if gate else nn.Identity()

    def forward(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        return self.gate(pair[0] + pair[1])


def paired(gate: Factory | None = None) -> Plan:
    return {"two": partial(Two, 8), "join": partial(Join, gate, 8)}


def halved(gate: Factory | None = None) -> Plan:
    """Hand on another type than comes in."""
    return {
        "stem": partial(nn.Conv2d, 3, 8, 3),
        "there": partial(Typed, torch.float64),
        "back": partial(Typed, torch.float32),
        "rest": partial(Block, 8, 8, gate),
    }


class Typed(nn.Module):
    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        return x.to(self.dtype)


class Turned(nn.Module):
    """Hands on a map that lies otherwise, so that what comes next writes a copy."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(2, 3)


class Contiguous(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.contiguous()


def laid_out(gate: Factory | None = None) -> Plan:
    """Behind the gate stands what depends on how its map lies."""
    return {
        "stem": partial(nn.Conv2d, 3, 8, 3),
        "gated": partial(Block, 8, 8, gate),
        "copied": partial(Contiguous),
    }


@pytest.mark.parametrize(
    "backbone",
    [Dense, Twice, Backbone(paired), Backbone(halved)],
    ids=["dense", "twice", "paired", "halved"],
)
def test_parts_that_talk_to_each_other_are_counted_whole(backbone: Factory) -> None:
    check([partial(backbone, gate=gate) for gate in (SE, None, ECA)])


def test_how_a_map_lies_counts() -> None:
    backbone = Backbone(laid_out)

    check([partial(backbone, gate=gate) for gate in (SE, Turned, ECA, None)])


def test_a_network_without_a_plan_is_counted_whole() -> None:
    class Planless(nn.Sequential):
        def __init__(self, gate: Factory | None = None) -> None:
            super().__init__(Block(3, 8, gate), Block(8, 8, gate))

    check([partial(Planless, gate=gate) for gate in (SE, None, ECA)] + [Planless])


def test_a_network_that_asks_its_factories_is_counted_whole() -> None:
    class Expanding(nn.Sequential):
        def __init__(self, block: Factory, gate: Factory) -> None:
            width = 8 * block.expansion * (2 if gate.site == "gate" else 1)
            super().__init__(nn.Conv2d(3, width, 1), block(width), gate(width))

    class Wide(nn.Conv2d):
        expansion = 2

        def __init__(self, channels: int) -> None:
            super().__init__(channels, channels, 1)

    check([partial(Expanding, Wide, gate=gate) for gate in (SE, ECA)])


def test_a_network_that_compares_its_factories_costs_what_it_is() -> None:
    class Comparing(nn.Sequential):
        def __init__(self, act: Factory, gate: Factory | None = None) -> None:
            width = 16 if act is nn.ReLU else 8
            super().__init__(nn.Conv2d(3, width, 1), act(), gate(width) if gate else nn.Flatten())

    check([partial(Comparing, act, gate=gate) for act in (nn.ReLU, nn.SiLU) for gate in (SE, None)])
    check([partial(Comparing, act=act, gate=SE) for act in (nn.ReLU, nn.SiLU)])


def test_functions_that_are_no_factories_are_handed_on() -> None:
    class Activated(nn.Module):
        def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
            super().__init__()
            self.conv, self.activation = nn.Conv2d(3, 8, 3), activation

        def forward(self, x: Tensor) -> Tensor:
            return self.activation(self.conv(x))

    check([partial(Activated, function) for function in (torch.relu, torch.sin)])


def test_a_module_that_is_handed_in_is_shared() -> None:
    shared = SE(16)

    def plan(gate: nn.Module) -> Plan:
        return {"stem": partial(Block, 3, 16, lambda _: gate), "rest": partial(Block, 16, 16)}

    cost = Prices(SHAPE)(partial(Backbone(plan), gate=shared))

    assert cost == measure(partial(Backbone(plan), gate=shared), SHAPE)
    assert shared.training
    assert not any(parameter.is_meta for parameter in shared.parameters())


def test_a_module_that_a_factory_shares_counts_once() -> None:
    shared = SE(16)
    network = partial(Backbone(straight), gate=lambda channels: shared)

    cost = Prices(SHAPE)(network)

    assert cost == measure(network, SHAPE)
    assert set(vars(shared)) == set(vars(SE(16)))
    assert cost.params == 3 * 9 * 8 + 8 + 8 * 9 * 16 + 16 + 16 * 9 * 16 + 16 + 16 * 2 + 1 + 16


def test_a_module_that_a_plan_shares_counts_once() -> None:
    def plan(gate: Factory) -> Plan:
        shared = SE(16)
        return {
            "stem": partial(nn.Conv2d, 3, 16, 3),
            "one": partial(nn.Sequential, shared),
            "other": partial(nn.Sequential, shared, nn.ReLU()),
            "rest": partial(Block, 16, 16, gate),
        }

    check([partial(Backbone(plan), gate=gate) for gate in (SE, ECA)])


def shrinking(channels: int) -> nn.Module:
    """Return what would not fit at a site; the places below have other names."""
    return nn.AvgPool2d((1, 2))


def scaling(pool: Factory | None = None, late: Factory | None = None, gate: object = None) -> Plan:
    return {
        "first": partial(Block, 3, 8, late),
        "stem": partial(Block, 8, 8, pool),
        "middle": partial(Block, 8, 16, gate),
        "last": partial(Block, 16, 8, late),
        "head": partial(Head, 8),
    }


class Head(nn.Sequential):
    def __init__(self, channels: int) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5))


@pytest.mark.parametrize("first", [None, shrinking])
def test_a_place_that_changes_the_shape_handed_on_changes_what_comes_after(
    first: Factory | None,
) -> None:
    backbone = Backbone(scaling)

    runs = check(
        [
            partial(backbone, pool=pool, late=late, gate=gate)
            for pool in (first, SE, shrinking)
            for late in (None, SE, shrinking)
            for gate in (ECA, SE)
        ]
    )

    assert runs.names.count("network") == 1


def test_rules_of_ones_own_reach_every_part() -> None:
    class Spectrum(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()

        def forward(self, x: Tensor) -> Tensor:
            return x + torch.fft.rfft2(x).abs().sum((2, 3), keepdim=True)

    network = partial(Backbone(straight), gate=Spectrum)
    rules = {"aten::_fft_r2c": lambda *args, out: 1000}

    with pytest.raises(UncountedError, match="aten::_fft_r2c"):
        Prices(SHAPE)(network)
    plain = Prices(SHAPE)(partial(Backbone(straight)))
    assert Prices(SHAPE, rules)(network).macs == plain.macs + 2 * 1000


def test_a_part_that_fails_is_named() -> None:
    def plan(kernel: int) -> Plan:
        return {"stem": partial(nn.Conv2d, 3, 8, 3), "tail": partial(nn.Conv2d, 8, 8, kernel)}

    with pytest.raises(MisfitError, match=r"^tail on \(1, 8, 14, 14\): .*[Kk]ernel size"):
        Prices(SHAPE)(partial(Backbone(plan), 15))
    assert Prices(SHAPE)(partial(Backbone(plan), 14)).macs > 0


def test_a_network_that_fails_without_a_plan_is_named() -> None:
    with pytest.raises(MisfitError, match=r"^network on \(1, 3, 16, 16\): "):
        Prices(SHAPE)(partial(nn.Conv2d, 3, 8, 20))


def test_a_fault_of_a_plan_keeps_its_traceback() -> None:
    def faulty(gate: Factory | None = None) -> Plan:
        return {"only": partial(Block, 3, 8, gate.reduction)}

    with pytest.raises(AttributeError, match="reduction"):
        Prices(SHAPE)(partial(Backbone(faulty), gate=SE))


def test_a_breakdown_adds_up_to_the_whole() -> None:
    prices = Prices((3, 64, 64))
    network = partial(resnet50, gate=[SE, None, [ECA] * 2 + [SE] * 4, None], mix=[None, PSA] * 2)

    stages, sites = prices.breakdown(network)

    assert list(stages) == ["stem", "stage1", "stage2", "stage3", "stage4", "head"]
    assert sum(stages.values(), Cost()) == prices(network) == measure(network, (3, 64, 64))
    assert list(sites) == [
        *("gate.0", "mix.1"),
        *(f"gate.2.{block}" for block in range(6)),
        "mix.3",
    ]
    assert sites["gate.2.0"] == sites["gate.2.1"] == measure(partial(ECA, 1024), (1024, 4, 4))
    assert sites["gate.2.2"] == measure(partial(SE, 1024), (1024, 4, 4))
    three = measure(partial(SE, 256), (256, 16, 16))
    assert sites["gate.0"] == three + three + three


def test_a_breakdown_of_what_does_not_come_apart_has_its_sites() -> None:
    stages, sites = Prices(SHAPE).breakdown(partial(Dense, gate=SE))

    assert stages == {"network": measure(partial(Dense, gate=SE), SHAPE)}
    eight = measure(partial(SE, 8), (8, 16, 16))
    assert sites == {"gate": eight + eight}


def test_paths_that_bear_on_one_part_are_named_together() -> None:
    gates = {"stage1": SE, "stage2.0": ECA}
    network = partial(resnet18, gate=gates, inner=[SE, None, None, None])

    together = Prices(SHAPE).together(network)

    assert ["gate.stage1", "inner.0"] in [sorted(set(paths)) for paths in together]
    assert Prices(SHAPE).together(partial(Backbone(called), gate=SE)) == [["gate"]]
