"""A fit is solved: the option whose network comes closest to a cost, or a refusal in words."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, NamedTuple

import pytest

from modules.attention.mspa import MSPA
from modules.backbones.resnet import resnet50
from spaces import Space, SpaceError, choice, fit
from spaces.moves import mutate, neighbours
from tests.benchmarks.fitting import fitted
from tests.references import REFERENCES
from trials.price import Prices
from trials.recipe import Recipe


class Figures(NamedTuple):
    macs: int
    params: int


def box(width: Any = 1, height: Any = 1, parts: Any = (), depth: Any = 1) -> int:
    """Stand for a network: it costs its area, and owns its width."""
    return int(width) * int(height) * (1 + sum(parts)) * int(depth)


def slim(width: Any, limit: int = 5) -> int:
    if width > limit:
        raise ValueError(f"width = {width} is over {limit}")
    return int(width)


def price(network: Callable[..., object]) -> Figures:
    built = network()
    assert isinstance(built, int)
    keywords = network.keywords if isinstance(network, partial) else {}
    return Figures(built, keywords.get("width", 1))


def priced(space: Space, **baselines: Space) -> Space:
    return space.with_price(price, baselines)


def test_the_option_that_comes_closest_is_taken_after_all_choices() -> None:
    space = priced(Space(box, width=fit(range(1, 30), macs=60), height=choice(2, 3, 4, 7)))

    solved = {one.choices["height"]: one.choices["width"] for one in space}

    # by brute force over all 29 widths
    assert solved == {
        height: min(range(1, 30), key=lambda width: abs(width * height - 60))
        for height in (3, 4, 7)
    } | {2: 29}
    assert [one.network() for one in space] == [58, 60, 60, 63]
    assert [one.refusal for one in space] == ["", "", "", ""]


def test_a_fit_counts_once_in_the_size_and_is_not_searched() -> None:
    space = priced(Space(box, width=fit(range(1, 30), macs=60), height=choice(2, 3)))

    assert space.size == 2
    assert space.labels == {"height": (2, 3)}
    assert len(list(space)) == len({one.key for one in space}) == 2
    asked: list[str] = []

    def pick(name: str, labels: tuple[Any, ...]) -> Any:
        asked.append(name)
        return labels[0]

    space.sample(pick)
    assert asked == ["height"]


def test_parameters_can_be_the_target() -> None:
    space = priced(Space(box, width=fit((4, 8, 16), params=15.5), height=3))

    (only,) = space

    assert dict(only.choices) == {"width": 16}


def test_a_baseline_is_a_target_by_itself_and_by_name() -> None:
    plain = Space(box, width=6, height=6)
    by_itself = priced(Space(box, width=fit(range(1, 30), macs=plain), height=4))
    by_name = priced(Space(box, width=fit(range(1, 30), macs="plain"), height=4), plain=plain)

    assert [dict(one.choices) for one in by_itself] == [{"width": 9}]
    assert [dict(one.choices) for one in by_name] == [{"width": 9}]


def prepared(space: Space) -> Space:
    return space.with_arguments(depth=2, height=3)


def test_a_target_network_is_prepared_as_the_space_was() -> None:
    plain = Space(box, width=6, height=6)
    space = Space(box, width=fit(range(1, 60), macs=plain), height=4)

    deeper = prepared(space).with_price(price, prepare=prepared)

    # both are set: the target costs 6 * 3 * 2, the network width * 3 * 2
    assert [dict(one.choices) for one in deeper] == [{"width": 6}]


def test_a_target_may_be_fitted_itself() -> None:
    square = Space(box, width=fit(range(1, 60), macs=100), height=10)
    space = Space(box, width=fit(range(1, 60), macs="square"), height=5)

    (only,) = priced(space, square=priced(square))

    assert dict(only.choices) == {"width": 20}


def test_what_stays_further_away_than_the_tolerance_is_refused_with_the_nearest_figure() -> None:
    space = priced(Space(box, width=fit((1, 2, 4), macs=5000, tolerance=0.1), height=1000))

    (only,) = space

    assert dict(only.choices) == {"width": 4}
    assert only.refusal == (
        "width = 4 comes nearest to macs = 5,000 with 4,000, 20.0% off; 10.0% is allowed"
    )


@pytest.mark.parametrize(("tolerance", "refused"), [(0.0, True), (0.19, True), (0.2, False)])
def test_the_tolerance_is_the_share_of_the_target_that_may_be_missing(
    tolerance: float, refused: bool
) -> None:
    space = priced(Space(box, width=fit((1, 2, 4), macs=5, tolerance=tolerance)))

    assert [bool(one.refusal) for one in space] == [refused]


def test_of_two_options_as_close_the_first_is_taken() -> None:
    both = fit((4, 6), macs=5, tolerance=1.0)

    assert [dict(one.choices) for one in priced(Space(box, width=both))] == [{"width": 4}]


def test_options_that_cannot_be_built_are_passed_over() -> None:
    space = priced(Space(slim, width=fit(range(1, 10), macs=6, tolerance=0.5)))

    assert [dict(one.choices) for one in space] == [{"width": 5}]


def test_a_fit_of_which_nothing_can_be_built_says_why() -> None:
    space = priced(Space(slim, width=fit((8, 9), macs=6)))

    assert [one.refusal for one in space] == [
        "width: no option of the fit can be built; width = 9 is over 5"
    ]


def test_tied_fits_are_solved_together() -> None:
    def width() -> Any:
        return fit(range(1, 20), macs=49, tie="side")

    space = priced(Space(box, width=width(), height=width()))

    (only,) = space
    assert (dict(only.choices), only.network()) == ({"side": 7}, 49)


def test_a_fit_inside_a_tied_option_is_one_fit() -> None:
    def part() -> Any:
        return choice(None, wide=[fit(range(1, 30), macs=60)], tie="part")

    tied = priced(Space(lambda one, other: 6 * other[0] if other else 1, part(), part()))

    assert [dict(one.choices) for one in tied] == [
        {"part": None},
        {"part": "wide", "part.wide.0": 10},
    ]


def test_a_fit_below_a_condition_is_solved_where_it_arises() -> None:
    width = choice(fixed=3, fitted=fit(range(1, 30), macs=60))
    space = priced(Space(box, width=width, height=choice(4, 6)))

    assert [dict(one.choices) for one in space] == [
        {"width": "fixed", "height": 4},
        {"width": "fixed", "height": 6},
        {"width": "fitted", "width.fitted": 15, "height": 4},
        {"width": "fitted", "width.fitted": 10, "height": 6},
    ]


def test_two_fits_may_stand_in_a_space_whose_networks_have_one_each() -> None:
    part = choice(wide=[fit(range(9), macs=4)], narrow=[fit(range(5), macs=3)])

    space = priced(Space(box, parts=part))

    assert [list(one.choices.values()) for one in space] == [["wide", 3], ["narrow", 2]]


def test_a_solved_label_is_replayed_without_costs() -> None:
    space = Space(box, width=fit(range(1, 30), macs=60), height=choice(2, 3))
    solved = [one.choices for one in priced(space)]

    replayed = [space.at(choices) for choices in solved]

    assert [one.network() for one in replayed] == [58, 60]
    assert [one.choices for one in replayed] == solved


def test_what_was_refused_is_refused_on_replay_where_costs_are_known() -> None:
    space = priced(Space(box, width=fit((1, 2, 4), macs=5000), height=choice(1000, 1250)))
    refused, solved = space

    assert space.at(refused.choices).refusal == refused.refusal != ""
    assert space.at(solved.choices).refusal == solved.refusal == ""
    assert space.at({"width": 2, "height": 1250}).refusal == (
        "width = 2 comes nearest to macs = 5,000 with 2,500, 50.0% off; 5.0% is allowed"
    )


def test_a_label_that_was_not_recorded_is_solved_on_replay() -> None:
    space = priced(Space(box, width=fit(range(1, 30), macs=60), height=choice(2, 3)))

    assert dict(space.at({"height": 3}).choices) == {"width": 20, "height": 3}


def test_neighbours_mutations_and_draws_are_solved_anew() -> None:
    space = priced(Space(box, width=fit(range(1, 30), macs=60), height=choice(3, 4, 6)))
    start, random = space.at({"height": 3}), Random(0)

    (moved,) = neighbours(space, start)
    mutated = {tuple(mutate(space, start, random).choices.values()) for _ in range(50)}
    drawn = {tuple(space.draw(random).choices.values()) for _ in range(100)}

    assert dict(moved.choices) == {"width": 15, "height": 4}
    assert mutated == {(15, 4), (10, 6)}
    assert drawn == {(20, 3), (15, 4), (10, 6)}


REFUSED: list[tuple[Callable[[], object], str]] = [
    (
        lambda: fit(range(3)),
        "a fit has one target: fit(range(8, 65), macs=...) or params=...",
    ),
    (
        lambda: fit(range(3), macs=3, params=3),
        "a fit has one target: fit(range(8, 65), macs=...) or params=...",
    ),
    (lambda: fit([], macs=3), "a choice needs at least one option"),
    (
        lambda: fit(range(3), macs=3, tolerance=-0.1),
        "tolerance = -0.1 is not a share; 0.05 allows 5 % more or less",
    ),
    (
        lambda: Space(box, width=fit([choice(1, 2)], macs=3)),
        "cannot name the option choice(1, 2); name it: choice(small=...)",
    ),
    (
        lambda: Space(box, parts=fit([partial(slim, width=choice(1, 2))], macs=3)),
        "parts: the options of a fit are values, without choices inside",
    ),
    (
        lambda: priced(Space(box, width=fit(range(3), macs=0))),
        "width: 0 is no cost to fit to; give a number or a baseline",
    ),
    (
        lambda: priced(Space(box, width=fit(range(3), macs=float("inf")))),
        "width: inf is no cost to fit to; give a number or a baseline",
    ),
    (
        lambda: priced(Space(box, width=fit(range(3), macs=[6]))),
        "width: [6] is no cost to fit to; give a number or a baseline",
    ),
    (
        lambda: priced(Space(box, width=fit(range(3), macs="plane")), plain=Space(box)),
        "width: there is no baseline 'plane' to fit to; did you mean 'plain'?",
    ),
    (
        lambda: priced(Space(box, width=fit(range(3), macs=Space(box, width=choice(1, 2))))),
        "width: the target of the fit has 2 architectures; it needs one",
    ),
    (
        lambda: list(priced(Space(box, width=fit(range(3), macs=Space(slim, 9))))),
        "width: the network to fit to cannot be built; width = 9 is over 5",
    ),
    (
        lambda: list(Space(box, width=fit(range(3), macs=3))),
        "width is a fit and this space has no cost to solve it with",
    ),
    (
        lambda: list(priced(Space(box, width=fit(range(3), macs=3), height=fit(range(3), macs=3)))),
        "width and height are two fits; a network has one: tie them, fit(..., tie=...)",
    ),
    (
        lambda: Space(
            box, width=fit(range(3), macs=3, tie="side"), height=fit(range(3), macs=4, tie="side")
        ),
        "choices tied as 'side' offer different things under the same labels; "
        "equal ties offer equal options",
    ),
    (
        lambda: Space(
            box, width=fit(range(3), macs=3, tie="side"), height=choice(0, 1, 2, tie="side")
        ),
        "choices tied as 'side' offer different things under the same labels; "
        "equal ties offer equal options",
    ),
    (
        lambda: Space(resnet50).with_recipe(partial(Recipe, lr=fit((0.1, 0.2), macs=3))),
        "recipe.lr: a fit solves for what a network costs",
    ),
]


@pytest.mark.parametrize(("write", "words"), REFUSED)
def test_a_fit_that_cannot_be_solved_is_refused_in_words(
    write: Callable[[], object], words: str
) -> None:
    with pytest.raises(SpaceError) as refusal:
        write()

    assert str(refusal.value) == words


def test_two_fits_are_refused_on_replay_too() -> None:
    space = Space(box, width=fit((1, 2), macs=3), height=fit((1, 2), macs=3))

    with pytest.raises(SpaceError, match="width and height are two fits"):
        space.at({"width": 1, "height": 2})


def test_a_fit_that_refers_to_itself_is_refused_before_anything_is_solved() -> None:
    ours = Space(box, width=fit(range(1, 9), macs="ours"))
    theirs = Space(box, width=fit(range(1, 9), params="ours"))
    mine = Space(box, width=fit(range(1, 9), macs="theirs"))

    for space, baselines in [(ours, {"ours": ours}), (mine, {"ours": mine, "theirs": theirs})]:
        with pytest.raises(SpaceError) as refusal:
            space.with_price(price, baselines)
        assert str(refusal.value) == "width: the target of the fit refers back to the fit"


def test_a_fit_is_solved_with_the_costs_of_real_networks() -> None:
    prices = Prices((3, 32, 32))
    small = partial(resnet50, depths=(1, 1), planes=16, stem="cifar", num_classes=10)
    plain = Space(small)
    mix = partial(MSPA, scales=choice(2, 4), omega=fit(range(24, 44, 2), macs=plain))
    space = Space(small, mix=mix).with_price(prices)

    solved = list(space)

    target = prices(next(iter(plain)).network).macs
    for architecture in solved:
        scales = architecture.choices["mix.scales"]
        at = {
            omega: prices(space.at({"mix.scales": scales, "mix.omega": omega}).network).macs
            for omega in range(24, 44, 2)
        }
        nearest = min(at, key=lambda omega: abs(at[omega] - target))
        assert architecture.choices["mix.omega"] == nearest


@pytest.mark.slow
def test_mspanet_50_comes_within_2_percent_of_resnet_50_on_cifar_100() -> None:
    plain, *rows = fitted()

    reference = REFERENCES["network/resnet50+none/cifar100"]
    assert (plain["params"], plain["macs"]) == (reference["params"], reference["macs"])
    assert [row["s"] for row in rows] == [2, 3, 4, 5]
    assert all(abs(row["of_resnet50"] - 1) < 0.02 for row in rows)  # type: ignore[operator]
    assert [row["omega"] for row in rows] == [40, 29, 24, 20]
