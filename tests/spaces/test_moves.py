"""Neighbours and mutations: always in the space, and one decision away."""

from collections import deque
from functools import partial
from itertools import islice
from random import Random
from typing import Any

from modules.attention.eca import ECA
from modules.attention.mspa import MSPA
from modules.attention.se import SE
from modules.backbones.resnet import resnet50
from spaces import Architecture, Space, choice
from spaces.moves import mutate, neighbours
from tests.spaces.random_spaces import drawn_space, space_of


def anything(*args: object, **named: object) -> None: ...


def changed(one: Architecture, other: Architecture) -> list[str]:
    """Return the names that both decide, differently."""
    both = one.choices.keys() & other.choices.keys()
    return [name for name in both if one.choices[name] != other.choices[name]]


def test_ordered_numbers_step_up_and_down() -> None:
    space = Space(resnet50, mix=partial(MSPA, scales=choice(3, 5, 2), omega=choice(28, 30, 32)))

    moved = neighbours(space, space.at({"mix.scales": 3, "mix.omega": 28}))

    assert [dict(one.choices) for one in moved] == [
        {"mix.scales": 2, "mix.omega": 28},
        {"mix.scales": 5, "mix.omega": 28},
        {"mix.scales": 3, "mix.omega": 30},
    ]


def test_options_without_an_order_change_into_any_other() -> None:
    space = Space(anything, choice(SE, ECA, None), choice(None, 4, 8), choice(True, False))

    moved = neighbours(space, space.at({"0": "SE", "1": 4, "2": True}))

    assert [tuple(one.choices.values()) for one in moved] == [
        ("ECA", 4, True), (None, 4, True), ("SE", None, True), ("SE", 8, True), ("SE", 4, False)
    ]  # fmt: skip


def test_a_neighbour_opens_with_the_first_option_and_closes_without_trace() -> None:
    space = Space(anything, gate=choice(None, partial(SE, reduction=choice(4, 8, 16))))
    closed, opened = space.at({"gate": None}), space.at({"gate": "SE", "gate.SE.reduction": 16})

    assert [dict(one.choices) for one in neighbours(space, closed)] == [
        {"gate": "SE", "gate.SE.reduction": 4}
    ]
    assert [dict(one.choices) for one in neighbours(space, opened)] == [
        {"gate": None},
        {"gate": "SE", "gate.SE.reduction": 8},
    ]


def test_a_tie_moves_all_its_places() -> None:
    def reduction() -> Any:
        return choice(4, 8, tie="reduction")

    space = Space(
        resnet50,
        inner=partial(SE, reduction=reduction()),
        gate=partial(SE, reduction=reduction()),
    )

    (moved,) = neighbours(space, space.at({"reduction": 4}))

    sites = moved.network.keywords
    assert [sites[name].keywords["reduction"] for name in ("inner", "gate")] == [8, 8]


def test_neighbours_lie_in_the_space_and_differ_in_one_decision() -> None:
    for seed in range(100):
        space = space_of(drawn_space(Random(seed)))
        *_, architecture = islice(space, 50)

        moved = list(neighbours(space, architecture))

        assert len(set(moved)) == len(moved)
        for one in moved:
            assert space.at(one.choices) == one
            assert len(changed(architecture, one)) == 1


def test_mutations_lie_in_the_space_and_differ_in_one_decision() -> None:
    random = Random(0)
    for seed in range(100):
        space = space_of(drawn_space(Random(seed)))
        architecture, steps = next(iter(space)), int(space.size > 1)

        for _ in range(10):
            mutated = mutate(space, architecture, random)
            assert space.at(mutated.choices) == mutated
            assert len(changed(architecture, mutated)) == steps
            architecture = mutated


def test_steps_from_neighbour_to_neighbour_reach_the_whole_space() -> None:
    for seed in range(60):
        space = space_of(drawn_space(Random(seed)))
        if space.size > 300:
            continue
        start = next(iter(space))

        reached, waiting = {start}, deque([start])
        while waiting:
            further = set(neighbours(space, waiting.popleft())) - reached
            reached |= further
            waiting += further

        assert len(reached) == space.size


def test_mutation_finds_every_option_and_draws_what_it_opens() -> None:
    space = Space(anything, gate=choice(None, ECA, partial(SE, reduction=choice(4, 8, 16))))
    closed, random = space.at({"gate": None}), Random(0)

    found = {tuple(mutate(space, closed, random).choices.values()) for _ in range(200)}

    assert found == {("ECA",), ("SE", 4), ("SE", 8), ("SE", 16)}


def test_a_space_of_one_has_nowhere_to_move() -> None:
    space = Space(anything, choice(SE))
    (only,) = space

    assert list(neighbours(space, only)) == []
    assert mutate(space, only, Random(0)) == only
