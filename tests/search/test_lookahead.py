"""What a look is expected to teach, against drawing what it may show."""

import numpy as np
import pytest
from scipy import stats

from search.lookahead import best_gains, front_gains

MEANS = np.array([0.70, 0.74, 0.73, 0.78, 0.775, 0.60])
STEPS = np.array([0.02, 0.01, 0.03, 0.015, 0.02, 0.01])
RIVALS = np.tril(np.ones((6, 6), dtype=bool), -1)
QUANTILES = (np.arange(4000) + 0.5) / 4000


def shown(place: int) -> np.ndarray:
    """Return the means after a look at one, for each of what it may show."""
    after = np.tile(MEANS, (len(QUANTILES), 1))
    after[:, place] += STEPS[place] * stats.norm.ppf(QUANTILES)
    return after


def leads(means: np.ndarray) -> np.ndarray:
    """Return how far each is above its rivals; what has none leads by nothing."""
    rivals = np.where(RIVALS, means[:, None, :], -np.inf).max(2)
    return np.where(np.isfinite(rivals), means - rivals, 0.0)


@pytest.mark.parametrize("place", range(6))
def test_a_look_is_worth_how_much_better_the_best_is_after_it(place: int) -> None:
    gains = best_gains(MEANS, STEPS)

    expected = shown(place).max(1).mean() - MEANS.max()
    assert gains[place] == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("place", range(6))
def test_a_look_is_worth_how_far_the_front_leads_after_it(place: int) -> None:
    gains = front_gains(MEANS, STEPS, RIVALS)

    after = leads(shown(place))
    called_after, called_before = np.maximum(after, 0).mean(0), np.maximum(after.mean(0), 0)
    assert gains[place] == pytest.approx((called_after - called_before).sum(), abs=5e-6)


def test_where_all_are_rivals_only_what_may_lead_is_looked_at() -> None:
    everyone = ~np.eye(6, dtype=bool)

    gains = front_gains(MEANS, STEPS, everyone)

    assert set(np.argsort(gains)[-2:]) == {3, 4}
    assert gains[5] == pytest.approx(0, abs=1e-9)


def test_of_one_that_has_no_rivals_there_is_nothing_to_learn() -> None:
    alone = np.zeros((1, 1), dtype=bool)

    assert front_gains(np.array([0.5]), np.array([0.1]), alone) == pytest.approx([0])
    assert best_gains(np.array([0.5]), np.array([0.1])) == pytest.approx([0])
