"""The expected gain in hypervolume, against sampling and numerical integration."""

import numpy as np
import pytest
from scipy import integrate, stats

from search.gain import MARGIN, Axis, hinge, staircase

KNOWN = [(0.1, 0.30), (0.4, 0.55), (0.5, 0.50), (0.8, 0.70)]
FLOOR = 0.2


def volume(points: list[tuple[float, float]]) -> float:
    """Measure what is dominated on a fine grid of prices, the slow way."""
    grid = np.arange(0.0, 1.0 + MARGIN, 1e-4) + 5e-5
    best = np.full(len(grid), FLOOR)
    for place, score in points:
        best = np.maximum(best, np.where(grid >= place, score, FLOOR))
    return float((best - FLOOR).sum() * 1e-4)


@pytest.mark.parametrize("place", [0.0, 0.1, 0.25, 0.45, 0.8, 1.0])
@pytest.mark.parametrize(("mean", "deviation"), [(0.5, 0.1), (0.75, 0.02), (0.3, 0.3)])
def test_the_gain_is_the_mean_over_all_scores_that_a_candidate_may_get(
    place: float, mean: float, deviation: float
) -> None:
    places, scores = map(np.array, zip(*KNOWN, strict=True))
    quantiles = (np.arange(400) + 0.5) / 400
    drawn = stats.norm.ppf(quantiles, mean, deviation)
    before = volume(KNOWN)

    gain = staircase(places, scores, FLOOR).gains(
        np.array([mean]), np.array([deviation]), np.array([place])
    )

    expected = np.mean([volume([*KNOWN, (place, score)]) - before for score in drawn])
    assert gain[0] == pytest.approx(expected, rel=0.02, abs=1e-5)


@pytest.mark.parametrize("z", [-6.0, -2.5, -0.3, 0.0, 1.7, 9.0])
def test_the_hinge_is_the_integral_that_it_stands_for(z: float) -> None:
    expected, _ = integrate.quad(lambda x: (x + z) * stats.norm.pdf(x), -z, max(10.0, 10.0 - z))

    assert hinge(np.array([z]))[0] == pytest.approx(expected, rel=1e-4)


def test_what_a_dearer_one_does_not_beat_is_no_step() -> None:
    places, scores = map(np.array, zip(*KNOWN, strict=True))

    steps = staircase(places, scores, FLOOR)

    assert steps.starts.tolist() == [0.0, 0.1, 0.4, 0.8]
    assert steps.bounds.tolist() == [0.2, 0.3, 0.55, 0.7]
    assert [steps.bound(place) for place in (0.05, 0.4, 0.79, 2.0)] == [0.2, 0.55, 0.55, 0.7]


def test_prices_that_cannot_be_told_apart_lie_at_one_place() -> None:
    prices = np.array([100.0, 100.9, 101.5, 150.0, 200.0])

    places = Axis(prices, resolution=0.01)(prices)

    assert places[0] == places[1] == 0.0
    assert 0.0 < places[2] < places[3] < places[4] == 1.0


def test_where_all_prices_are_one_the_gain_is_that_of_the_score() -> None:
    prices = np.array([100.0, 100.5, 100.9])
    axis = Axis(prices, resolution=0.01)
    steps = staircase(axis(prices[:1]), np.array([0.6]), FLOOR)

    gains = steps.gains(np.array([0.61, 0.58]), np.array([0.01, 0.01]), axis(prices[1:]))

    expected = [
        (1 + MARGIN) * stats.norm.expect(lambda x: max(x - 0.6, 0), loc=mean, scale=0.01)
        for mean in (0.61, 0.58)
    ]
    assert gains == pytest.approx(expected, rel=1e-3)
