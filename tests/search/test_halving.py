"""Who is stopped, and who is not."""

import math

import numpy as np
import pytest
from scipy import stats

from search.halving import Asha, Halving, expected_end, rungs

CHEAP, DEAR = (100.0,), (200.0,)
ENDED = range(1000, 1010)


def begun() -> Halving:
    """Return a judge over 9 epochs that has seen ten dear trainings end as their rungs foretold."""
    halving = Halving(9, rivals=3)
    for number in ENDED:
        for epoch in (1, 2, 4, 8, 9):
            halving.put(number, epoch, (number - 1000) / 1000 + epoch / 100, (1e6,))
    return halving


def test_rungs_are_an_equal_factor_apart_and_stay_below_the_end() -> None:
    assert rungs(9) == (1, 2, 4, 8)
    assert rungs(27, eta=3) == (1, 3, 9)
    assert rungs(1) == ()


def test_a_training_ends_when_three_that_cost_no_more_were_better() -> None:
    halving = begun()
    for number, score in enumerate((0.5, 0.6, 0.7)):
        assert halving.stops(number, 4, score, CHEAP) == ""

    reason = halving.stops(9, 4, 0.4, DEAR)

    assert reason == "3 of 3 that cost no more were clearly better at epoch 4"


def test_one_that_is_better_by_two_deviations_is_enough_unless_more_are_asked_for() -> None:
    halving = Halving(9)
    for number, error in enumerate((0.1, -0.1) * 5):
        halving.put(number, 4, number / 10, DEAR)
        halving.put(number, 9, number / 10 + error, DEAR)
    apart = 2 * halving.left_open(4)
    halving.put(20, 4, 0.9, CHEAP)

    assert halving.stops(21, 4, 0.9 - apart * 0.99, CHEAP) == ""
    reason = halving.stops(22, 4, 0.9 - apart * 1.01, CHEAP)

    assert reason == "1 of 2 that cost no more was clearly better at epoch 4"


def test_a_small_network_is_never_stopped_for_what_larger_ones_do() -> None:
    halving = begun()
    for number in range(50):
        halving.put(number, 4, 0.9, DEAR)

    assert halving.stops(99, 4, 0.1, CHEAP) == ""


def test_by_accuracy_alone_it_is() -> None:
    halving = Asha(9)
    for number in range(50):
        halving.put(number, 3, 0.9, DEAR)

    assert halving.stops(99, 3, 0.1, CHEAP) == "50 of 50 trainings were better at epoch 3"


def test_asha_lets_one_in_three_go_on() -> None:
    halving = Asha(9)

    going = [number for number in range(30) if not halving.stops(number, 1, -number, CHEAP)]

    assert going == [0]
    assert not halving.stops(98, 1, -8.5, CHEAP)
    assert halving.stops(99, 1, -11.5, CHEAP)


def test_nothing_is_stopped_until_it_is_known_what_a_rung_foretells() -> None:
    halving = Halving(9)
    for number in range(50):
        halving.put(number, 4, 0.9, CHEAP)

    assert halving.left_open(4) == math.inf
    assert halving.stops(99, 4, 0.1, CHEAP) == ""


def test_a_rung_that_says_nothing_of_the_end_stops_nothing() -> None:
    halving = Halving(9)
    for number in range(50):
        halving.put(number, 4, 0.5 + number / 100, CHEAP)
        halving.put(number, 9, 0.9 - number / 100, CHEAP)

    assert halving.stops(99, 4, 0.1, CHEAP) == ""


def test_what_a_rung_leaves_open_is_the_residual_of_the_regression() -> None:
    random = np.random.default_rng(0)
    at_rung, noise = random.uniform(size=40), random.normal(0, 0.05, 40)
    ends = 0.3 + 0.5 * at_rung + noise
    halving = Halving(9)
    for number, (score, end) in enumerate(zip(at_rung, ends, strict=True)):
        halving.put(number, 4, score, CHEAP)
        halving.put(number, 9, end, CHEAP)

    found = stats.linregress(at_rung, ends)

    residuals = ends - found.intercept - found.slope * at_rung
    expected = math.sqrt((residuals**2).sum() / 38) / found.slope
    assert halving.left_open(4) == pytest.approx(expected)


def test_rivals_must_be_better_by_what_the_rung_leaves_open() -> None:
    halving = Halving(9, rivals=3, surely=1.0)
    for number, error in enumerate((0.1, -0.1) * 5):
        halving.put(number, 4, number / 10, DEAR)
        halving.put(number, 9, number / 10 + error, DEAR)
    for number in range(20, 23):
        halving.put(number, 4, 0.5, CHEAP)

    close, far = 0.5 - halving.left_open(4) * 0.9, 0.5 - halving.left_open(4) * 1.1

    assert halving.stops(98, 4, close, CHEAP) == ""
    assert halving.stops(99, 4, far, CHEAP)


def test_prices_that_cannot_be_told_apart_are_rivals() -> None:
    halving = begun()
    for number in range(3):
        halving.put(number, 4, 0.9, (100.9,))

    assert halving.stops(8, 4, 0.1, CHEAP)
    assert not halving.stops(9, 4, 0.1, (99.0,))


def test_what_costs_more_by_one_of_two_prices_is_no_rival() -> None:
    halving = Halving(9)
    for number in range(9):
        for epoch in (4, 9):
            halving.put(number, epoch, number / 10, (50.0, 300.0))

    assert not halving.stops(98, 4, -0.1, (100.0, 200.0))
    assert halving.stops(99, 4, -0.1, (100.0, 300.0))


def test_between_rungs_nothing_is_judged() -> None:
    halving = begun()
    for number in range(9):
        halving.put(number, 3, 0.9, CHEAP)
        halving.put(number, 4, 0.9, CHEAP)

    assert halving.stops(99, 3, 0.1, CHEAP) == ""
    assert halving.stops(99, 4, 0.1, CHEAP)


def test_an_epoch_that_is_handed_over_twice_counts_once() -> None:
    halving = begun()
    for _ in range(5):
        halving.put(1, 4, 0.9, CHEAP)

    assert not halving.stops(99, 4, 0.1, CHEAP)


def test_what_was_stopped_is_expected_to_gain_what_others_gained() -> None:
    whole = [(0.1, 0.3, 0.6), (0.2, 0.3, 0.5), (0.2, 0.4, 0.8)]

    assert expected_end((0.1, 0.2), whole) == pytest.approx(0.2 + 0.3)
    assert expected_end((0.1, 0.2), []) == 0.2
