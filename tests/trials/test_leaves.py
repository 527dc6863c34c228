"""Calls that look alike are told apart, and what stands in them is handed on as it is."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import pytest
import torch

from modules.attention.eca import ECA
from modules.attention.se import SE
from modules.backbones.network import Backbone, Plan
from tests.trials.plans import SHAPE, Block, Factory, check
from trials.leaves import Itself, Taken, token
from trials.price import Prices


class Config(NamedTuple):
    depth: int
    gate: Factory | None


def configured(config: Config, gate: Factory | None = None) -> Plan:
    return {
        f"stage1.{index}": partial(Block, 3 if not index else 8, 8, config.gate or gate)
        for index in range(config.depth)
    }


def test_named_tuples_are_handed_on_as_they_are() -> None:
    backbone = Backbone(configured)

    check(
        [
            partial(backbone, Config(depth, inner), gate=gate)
            for depth in (1, 2)
            for inner in (None, SE)
            for gate in (ECA, SE)
        ]
    )


def widening(widths: Sequence[int] | Mapping[str, int] = (8, 16), gate: object = None) -> Plan:
    known = list(widths.values()) if isinstance(widths, Mapping) else list(widths)
    sizes = [3, *(known or [4])]
    return {
        f"stage1.{index}": partial(Block, inside, out, gate)
        for index, (inside, out) in enumerate(pairwise(sizes))
    }


def test_arguments_that_look_alike_are_told_apart() -> None:
    backbone = Backbone(widening)

    check(
        [
            partial(backbone, **arguments)
            for arguments in (
                {},
                {"widths": ()},
                {"widths": [8, 16]},
                {"widths": {"0": 8}},
                {"widths": {"0": 8, "1": 4}},
                {"widths": [8, 4]},
                {"widths": [8.0, 1] and [16]},
                {"widths": (16,), "gate": SE},
                {"widths": [16], "gate": {}},
            )
        ]
    )


class Mutable:
    """Neither equal to another nor hashable; both print the same."""

    __hash__ = None

    def __init__(self, width: int) -> None:
        self.width = width

    def __repr__(self) -> str:
        return "Mutable()"


def test_values_that_print_alike_are_told_apart() -> None:
    def plan(config: Mutable, gate: Factory | None = None) -> Plan:
        return {"only": partial(Block, 3, config.width, gate)}

    check([partial(Backbone(plan), Mutable(width), gate=SE) for width in (4, 8)])
    assert len({Prices(SHAPE)(partial(Backbone(plan), Mutable(width))) for width in (4, 8)}) == 2


@pytest.mark.parametrize("pair", [(1, True), (0, False), (2, 2.0)])
def test_equal_values_of_unlike_types_are_told_apart(pair: tuple[object, object]) -> None:
    def plan(value: object, gate: Factory | None = None) -> Plan:
        return {"only": partial(Block, 3, 4 if type(value) is int else 8, gate)}

    check([partial(Backbone(plan), value) for value in pair])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (partial(SE, 4), partial(SE, 4.0)),
        (partial(SE, reduction=4), partial(SE, reduction=8)),
        (partial(SE, 4, 2), partial(SE, 4, reduction=2)),
        ([1, 2], (1, 2)),
        ({"a": 1}, {"a": True}),
        (set(), {1}),
        (torch.zeros(1), torch.zeros(1)),
        (Config(1, None), (1, None)),
    ],
)
def test_tokens_of_unlike_values_differ(one: object, other: object) -> None:
    assert token(one) == token(one)
    assert token(one) != token(other)
    assert len({token(one), token(other)}) == 2


@pytest.mark.parametrize("value", [partial(SE, reduction=[4, {"a": (1, 2.0)}]), "word", None, SE])
def test_tokens_of_equal_values_are_equal(value: object) -> None:
    again = partial(SE, reduction=[4, {"a": (1, 2.0)}]) if isinstance(value, partial) else value

    assert token(value) == token(again)
    assert hash(token(value)) == hash(token(again))


def test_what_cannot_be_compared_is_itself() -> None:
    value, same = Mutable(1), Mutable(1)

    assert token(value) == token(value) == Itself(value)
    assert token(value) != token(same)


def test_leaves_have_the_paths_of_their_places() -> None:
    network = partial(Block, 3, gate=[SE, {"stage2": ECA, "stage4.0": None}], stride=(1,))

    taken = Taken(network, {"gate.1.stage4.0": True})

    assert dict(zip(taken.paths, taken.values, strict=True)) == {
        "0": 3,
        "gate.0": SE,
        "gate.1.stage2": ECA,
        "gate.1.stage4.0": None,
        "stride.0": 1,
    }
    assert [taken.paths[leaf] for leaf in sorted(taken.places)] == [
        *("gate.0", "gate.1.stage2", "gate.1.stage4.0")
    ]
    filled = taken.filled(taken.marked(taken.places))
    assert token(filled) == token(network)
    assert token(taken.marked(taken.places)) != token(network)


def test_calls_that_differ_in_their_factories_are_of_one_form() -> None:
    def form(gate: object, fillable: Mapping[str, bool] | None = None) -> object:
        return Taken(partial(Block, 3, gate=[gate]), fillable or {}).form

    assert form(SE) == form(partial(ECA, k=3))
    assert form(SE) != form(None)
    assert form(SE, {"gate.0": True}) == form(None, {"gate.0": True})
    assert form(4) != form(8)
