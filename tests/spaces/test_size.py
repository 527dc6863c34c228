"""The exact size of a space, against hand counts and against trying everything out."""

import time
from functools import partial
from itertools import islice, pairwise
from random import Random
from typing import Any

import pytest

from modules.attention.cbam import CBAM
from modules.attention.eca import ECA
from modules.attention.se import SE
from modules.backbones.resnet import resnet50
from search.show import repeated
from spaces import Space, choice
from tests.spaces.random_spaces import described, drawn_space, outcomes, space_of


def anything(*args: object, **named: object) -> None: ...


def gates() -> Any:
    """Offer 28 gates: none, and 9 reductions of three modules."""
    reductions = range(1, 10)
    return choice(
        None,
        **{f"SE{reduction}": partial(SE, reduction=reduction) for reduction in reductions},
        **{f"CBAM{reduction}": partial(CBAM, reduction=reduction) for reduction in reductions},
        **{f"ECA{size}": partial(ECA, k=2 * size + 1) for size in reductions},
    )


@pytest.mark.parametrize("seeds", [range(start, start + 100) for start in range(0, 300, 100)])
def test_random_spaces_hold_what_trying_everything_finds(seeds: range) -> None:
    looked_at = 0
    for seed in seeds:
        description = drawn_space(Random(seed))
        space = space_of(description)
        if space.size > 1000:
            continue
        looked_at += 1

        found = list(space)

        expected = list(outcomes(description))
        assert space.size == len(found) == len({one.key for one in found}) == len(set(found))
        assert [list(one.choices.items()) for one in found] == [
            list(labels.items()) for labels, _ in expected
        ]
        assert [described(one.network) for one in found] == [value for _, value in expected]
    assert looked_at > 50


def test_28_options_at_each_of_4_stages_are_614656_at_once() -> None:
    space = Space(resnet50, gate=[gates(), gates(), gates(), gates()])

    start = time.process_time()
    size = space.size

    assert size == 28**4 == 614_656
    assert time.process_time() - start < 0.1


def test_an_option_at_every_block_is_counted_though_it_cannot_be_listed() -> None:
    space = Space(resnet50, gate=[[gates() for _ in range(depth)] for depth in (3, 4, 6, 3)])

    assert space.size == 28**16
    assert len({architecture.key for architecture in islice(space, 1000)}) == 1000


def test_a_space_of_4096_has_4096_keys() -> None:
    space = Space(anything, **{f"site{place}": choice(*range(8)) for place in range(4)})

    architectures = list(space)

    assert space.size == len(architectures) == 4096
    assert len({architecture.key for architecture in architectures}) == 4096
    assert len({tuple(architecture.choices.values()) for architecture in architectures}) == 4096


def test_one_choice_at_two_stages_is_30_tied_and_900_untied() -> None:
    options = [partial(SE, reduction=reduction) for reduction in range(1, 31)]
    named = {f"SE{place}": option for place, option in enumerate(options)}
    tied, untied = choice(tie="gate", **named), choice(**named)

    once = Space(resnet50, gate=[None, None, tied, tied])
    twice = Space(resnet50, gate=[None, None, untied, untied])

    assert (once.size, twice.size) == (30, 900)
    assert len(list(once)) == 30
    assert repeated(once) == []
    assert repeated(twice) == [["gate.2", "gate.3"]]


def test_a_condition_counts_only_where_its_option_is_taken() -> None:
    inner = choice(None, partial(SE, reduction=choice(4, 8, 16)), partial(ECA, k=choice(3, 5)))

    assert Space(anything, inner).size == 1 + 3 + 2
    assert Space(anything, inner, inner).size == 6 * 6
    assert Space(anything, choice(a=inner, b=[inner, inner], c=None)).size == 6 + 36 + 1


def test_a_tie_below_two_conditions_is_counted_where_they_meet() -> None:
    def gate() -> Any:
        return choice(None, partial(SE, reduction=choice(4, 8, 16, tie="reduction")))

    # none of n taken: 1; otherwise 2**n - 1 ways to take some, with 3 reductions
    for count in (1, 2, 3, 10):
        space = Space(anything, *[gate() for _ in range(count)])
        assert space.size == 1 + (2**count - 1) * 3


def test_many_ties_at_many_places_are_counted_at_once() -> None:
    def part() -> Any:
        return partial(anything, **{name: choice(1, 2, 3, 4, tie=name) for name in "abcdefghij"})

    space = Space(anything, [part() for _ in range(16)])
    start = time.process_time()

    assert space.size == 4**10
    assert time.process_time() - start < 2


def test_ties_between_neighbours_are_counted_at_once() -> None:
    ties = [f"tie{place}" for place in range(41)]
    pairs = [
        choice(None, partial(anything, choice(1, 2, 3, tie=one), choice(1, 2, 3, tie=other)))
        for one, other in pairwise(ties)
    ]
    space = Space(anything, pairs)
    start = time.process_time()

    # a run of n neighbours that are taken shares n + 1 ties; `taken` counts what ends in one
    taken, left = 0, 1
    for _ in pairs:
        taken, left = 3 * taken + 9 * left, taken + left
    assert space.size == taken + left
    assert time.process_time() - start < 2


def test_a_space_without_choices_holds_one() -> None:
    space = Space(resnet50, gate=SE)

    assert space.size == 1
    assert [dict(architecture.choices) for architecture in space] == [{}]


def test_100000_architectures_are_listed_in_seconds() -> None:
    space = Space(resnet50, gate=[gates(), gates(), gates(), gates()])
    start = time.process_time()

    keys = {architecture.key for architecture in islice(space, 100_000)}

    assert len(keys) == 100_000
    assert time.process_time() - start < 15
