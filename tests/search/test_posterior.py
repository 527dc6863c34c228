"""What seeds tell of means, against draws whose truth is known."""

import numpy as np
import pytest

from search.posterior import Posterior


def drawn(
    seeds: list[int], noise: float, scatter: float, span: float = 4.0
) -> tuple[np.ndarray, np.ndarray, list[list[float]]]:
    """Draw prices, true means about a trend, and the scores of so many seeds each."""
    random = np.random.default_rng(3)
    prices = np.exp(random.uniform(0, np.log(span), len(seeds)))
    means = 0.7 + 0.05 * np.log(prices) + random.normal(0, scatter, len(seeds))
    scores = [
        random.normal(mean, noise, number).tolist()
        for mean, number in zip(means, seeds, strict=True)
    ]
    return prices[:, None], means, scores


def test_noise_is_found_from_what_has_several_seeds() -> None:
    prices, _, scores = drawn([1] * 150 + [3] * 150, noise=0.004, scatter=0.01)

    assert Posterior(prices, scores).noise == pytest.approx(0.004**2, rel=0.15)


def test_means_are_nearer_the_truth_than_scores_are_and_as_near_as_they_claim() -> None:
    prices, means, scores = drawn([1] * 200 + [2] * 200, noise=0.01, scatter=0.01)

    held = Posterior(prices, scores)

    observed = np.array([np.mean(one) for one in scores])
    errors = held.means - means
    assert (errors**2).mean() < 0.75 * ((observed - means) ** 2).mean()
    assert (errors**2 / held.variances).mean() == pytest.approx(1, abs=0.2)


def test_many_seeds_of_the_best_do_not_bend_what_is_usual() -> None:
    prices, means, scores = drawn([2] * 300, noise=0.005, scatter=0.02)
    top = np.argsort(means)[-5:]
    more = [one * 20 if place in top else one for place, one in enumerate(scores)]

    before, after = Posterior(prices, scores), Posterior(prices, more)

    others = np.setdiff1d(np.arange(300), top)
    assert np.abs(after.means - before.means)[others].max() < 0.002


def test_a_look_moves_a_mean_by_less_than_it_is_unsure_and_by_more_with_more_seeds() -> None:
    prices, _, scores = drawn([1, 2, 5] * 20, noise=0.01, scatter=0.01)
    held = Posterior(prices, scores)

    one, many = held.steps(1), held.steps(1000)

    assert (one < many).all()
    assert many == pytest.approx(np.sqrt(held.variances), rel=0.01)


def test_a_trend_that_may_be_noise_favours_nobody_for_being_dear() -> None:
    random = np.random.default_rng(5)
    prices = np.exp(np.linspace(0, 1, 20))[:, None]
    noise = random.normal(0.64, 0.02, 20)
    rising = 0.6 + 0.1 * np.log(prices[:, 0]) + random.normal(0, 0.005, 20)

    without = Posterior(prices, [[score] for score in noise])
    along = Posterior(prices, [[score] for score in rising])

    order = np.argsort(noise)
    assert (np.diff(without.means[order]) >= 0).all()
    assert np.corrcoef(along.means, np.log(prices[:, 0]))[0, 1] > 0.99
