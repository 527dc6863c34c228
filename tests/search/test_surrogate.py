"""The Gaussian process, against its textbook form and finite differences."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from search.surrogate import Scales, Surrogate, _loss, distances, fitted, standardised

GROUPS = np.array([0, 0, 1, 2])


def drawn(number: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw features, scores that depend on the first and the last group, and counts."""
    random = np.random.default_rng(seed)
    features = random.uniform(size=(number, 4))
    scores = 0.7 + 0.2 * np.sin(3 * features[:, 0]) + 0.1 * features[:, 3]
    return features, scores, random.integers(1, 4, number).astype(float)


def test_predictions_are_those_of_the_textbook() -> None:
    features, scores, counts = drawn(25)
    other, _, _ = drawn(7, seed=1)
    scales = Scales((0.8, 0.1, 2.0), 0.05)

    means, deviations = Surrogate(scales, features, GROUPS, scores, counts)(other)

    stretch = np.array([0.8, 0.8, 0.1, 2.0])

    def kernel(one: np.ndarray, two: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * (stretch * (one[:, None] - two[None]) ** 2).sum(2))

    values, mean, deviation = standardised(scores)
    covariance = kernel(features, features) + np.diag(0.05 / counts)
    across = kernel(other, features)
    variance = values @ np.linalg.solve(covariance, values) / 25
    left = 1 - (across * np.linalg.solve(covariance, across.T).T).sum(1)
    assert means == pytest.approx(mean + deviation * across @ np.linalg.solve(covariance, values))
    assert deviations == pytest.approx(deviation * np.sqrt(variance * left), rel=1e-3)


def test_the_slope_of_the_likelihood_is_its_slope() -> None:
    features, scores, counts = drawn(20)
    apart, values = distances(features, GROUPS), standardised(scores)[0]
    at = np.log([0.8, 0.1, 2.0, 0.05])

    _, slope = _loss(at, apart, values, counts)

    expected = approx_fprime(at, lambda held: _loss(held, apart, values, counts)[0], 1e-6)
    assert slope == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_a_fit_finds_out_which_features_matter() -> None:
    features, scores, _ = drawn(60)

    scales = fitted(features, GROUPS, scores, np.ones(60))

    assert scales.weights[0] > 10 * scales.weights[1]
    assert scales.weights[2] > scales.weights[1]
    assert scales.noise < 0.02


def test_a_fit_tells_noise_from_effects() -> None:
    features, scores, _ = drawn(80)
    noise = np.random.default_rng(2).normal(0, scores.std(), 80)

    quiet = fitted(features, GROUPS, scores, np.ones(80)).noise
    loud = fitted(features, GROUPS, scores + noise, np.ones(80)).noise

    assert loud > 20 * quiet


def test_one_collapse_does_not_hide_what_all_others_tell_apart() -> None:
    scores = np.array([0.70, 0.71, 0.72, 0.73, 0.74, 0.75, 0.10])

    values, mean, _ = standardised(scores)

    assert values[5] - values[0] > 1
    assert mean > 0.68
    assert values.argmin() == 6


def test_scores_without_a_difference_are_no_fault() -> None:
    features, _, counts = drawn(10)

    means, deviations = Surrogate(
        fitted(features, GROUPS, np.full(10, 0.5), counts),
        features,
        GROUPS,
        np.full(10, 0.5),
        counts,
    )(features)

    assert means == pytest.approx(np.full(10, 0.5))
    assert np.isfinite(deviations).all()
