"""What seeds tell, and who gets the next."""

from dataclasses import replace

import numpy as np
import pytest

from search.seeds import Known, Seeds

NOISE = 0.003


def trained(means: list[float], seeds: int = 2, prices: list[float] | None = None) -> list[Known]:
    """Return architectures that have been trained about their means."""
    random = np.random.default_rng(1)
    return [
        Known(
            f"a{place}",
            (prices[place] if prices else 100.0,),
            tuple(random.normal(mean, NOISE, seeds).tolist()),
        )
        for place, mean in enumerate(means)
    ]


def test_the_next_seed_goes_to_one_of_those_that_may_be_the_best() -> None:
    known = trained([0.70, 0.71, 0.60, 0.802, 0.65, 0.80, 0.62, 0.68])

    assert Seeds(worth=0.0).next(known) in ("a3", "a5")


def test_nothing_is_asked_for_where_all_is_decided() -> None:
    known = trained([0.50, 0.60, 0.70, 0.80], seeds=4)

    assert Seeds().next(known) is None


def test_no_architecture_gets_more_seeds_than_the_limit() -> None:
    known = trained([0.800, 0.801, 0.799, 0.60, 0.55], seeds=3)

    assert Seeds(limit=4, worth=0.0).next(known) is not None
    assert Seeds(limit=3, worth=0.0).next(known) is None


def test_what_has_a_seed_on_its_way_waits_for_it() -> None:
    known = trained([0.800, 0.801, 0.799, 0.60, 0.55])
    first = Seeds(worth=0.0).next(known)

    second = Seeds(worth=0.0).next(known, running={first})

    assert second not in (first, None)
    assert Seeds(worth=0.0).next(known, running={one.key for one in known}) is None


def test_the_same_is_answered_again() -> None:
    known = trained([0.70, 0.71, 0.72, 0.73], seeds=1)

    assert len({Seeds().next(known) for _ in range(3)}) == 1


def test_one_lucky_training_is_drawn_towards_what_is_usual() -> None:
    lucky = Known("lucky", (100.0,), (0.83,))
    known = [*trained([0.80, 0.81, 0.79, 0.80, 0.805], seeds=3), lucky]

    beliefs = {one.key: one for one in Seeds().beliefs(known)}

    assert beliefs["lucky"].mean < 0.83
    assert beliefs["lucky"].deviation > beliefs["a1"].deviation
    assert 0.8 < beliefs["a1"].mean < 0.82


def test_the_front_of_different_prices_is_read_off_as_of_one() -> None:
    known = trained([0.60, 0.70, 0.65, 0.80], seeds=3, prices=[100.0, 150.0, 200.0, 300.0])

    beliefs = Seeds().beliefs(known)

    assert [one.is_on_front for one in beliefs] == [True, True, False, True]
    assert beliefs[0].on_front == 1.0
    assert beliefs[2].on_front < 0.01
    assert [one.best for one in beliefs] == pytest.approx([0, 0, 0, 1], abs=0.01)


def test_dearer_by_less_than_the_resolution_is_no_excuse_for_less_score() -> None:
    known = trained([0.60, 0.70], seeds=5, prices=[100.0, 100.9])

    assert [one.is_on_front for one in Seeds().beliefs(known)] == [False, True]


def test_probabilities_are_those_of_the_normal_distribution() -> None:
    known = [
        Known("one", (1.0,), (0.800, 0.804)),
        Known("two", (1.0,), (0.801, 0.805)),
        *trained([0.5, 0.6, 0.7]),
    ]

    one, two, *rest = Seeds().beliefs(known)

    assert one.best + two.best == pytest.approx(1)
    assert 0.25 < one.best < two.best < 0.75
    assert all(other.best == 0 for other in rest)


def test_scores_without_a_difference_are_no_fault() -> None:
    known = [Known(str(place), (1.0,), (0.5, 0.5)) for place in range(4)]

    assert Seeds().next(known) is None
    assert all(one.mean == pytest.approx(0.5) for one in Seeds().beliefs(known))


def test_a_single_architecture_is_the_front() -> None:
    (belief,) = Seeds().beliefs([Known("only", (5.0,), (0.4,))])

    assert belief.is_on_front
    assert belief.best == belief.on_front == 1
    assert Seeds().next([Known("only", (5.0,), (0.4,))]) is None


def test_of_nothing_nothing_is_known() -> None:
    assert Seeds().next([]) is None
    assert Seeds().beliefs([]) == []


def test_without_a_price_everything_costs_the_same() -> None:
    free = [Known(one.key, (), one.scores) for one in trained([0.70, 0.80, 0.801])]
    equal = trained([0.70, 0.80, 0.801])

    assert Seeds(worth=0.0).next(free) == Seeds(worth=0.0).next(equal)
    assert Seeds().beliefs(free) == Seeds().beliefs(equal)


def test_front_and_best_are_asked_for_in_turn() -> None:
    means = [0.600, 0.6002, 0.70, 0.75, 0.800, 0.804]
    prices = [100.0, 105.0, 200.0, 300.0, 400.0, 420.0]
    known = [
        Known(f"a{place}", (price,), (mean - NOISE, mean + NOISE))
        for place, (mean, price) in enumerate(zip(means, prices, strict=True))
    ]
    more = [*known[:2], replace(known[2], scores=(0.697, 0.700, 0.703)), *known[3:]]

    asked = {Seeds(worth=0.0).next(known), Seeds(worth=0.0).next(more)}

    assert len(asked & {"a0", "a1"}) == len(asked & {"a4", "a5"}) == 1
