"""Intervals and chances, judged by SciPy and statsmodels."""

import itertools
import math

import numpy as np
import pandas
import pytest
import statsmodels.formula.api
from scipy import stats
from statsmodels.stats.power import TTestPower

from search.inference import Comparison, Scores, compare
from search.simultaneous import Family, student

SEEDS = (0, 1, 2)


def made_up(rows: int, seeds: tuple[int, ...] = SEEDS, missing: int = 0) -> Scores:
    draw = np.random.default_rng(rows)
    luck = dict(zip(seeds, draw.normal(0, 0.02, len(seeds)), strict=True))
    scores = {
        f"row {row}": {
            seed: 0.7 + 0.005 * row + luck[seed] + draw.normal(0, 0.006) for seed in seeds
        }
        for row in range(rows)
    }
    for row, seed in [*itertools.product(range(1, rows), seeds)][: missing * (len(seeds) + 1) : 4]:
        del scores[f"row {row}"][seed]
    return scores


def least_squares(scores: Scores, reference: str):
    cells = [(row, seed, score) for row, held in scores.items() for seed, score in held.items()]
    frame = pandas.DataFrame(cells, columns=["row", "seed", "score"])
    formula = f"score ~ C(row, Treatment({reference!r})) + C(seed)"
    return statsmodels.formula.api.ols(formula, frame).fit()


def dunnett(comparison: Comparison, covariance: np.ndarray, row: str) -> float:
    """Return the joint chance by integrating the multivariate t over a box."""
    deviations = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviations, deviations)
    place = list(comparison.differences).index(row)
    bound = abs(comparison.differences[row].estimate) / deviations[place]
    box = np.full(len(correlation), bound)
    return 1 - stats.multivariate_t.cdf(
        box,
        shape=correlation,
        df=comparison.freedom,
        lower_limit=-box,
        maxpts=200_000,
        random_state=0,
    )


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_differences_and_intervals_are_those_of_least_squares(missing: int) -> None:
    scores = made_up(5, missing=missing)

    found = compare(scores, "row 0")

    fit = least_squares(scores, "row 0")
    bounds = fit.conf_int(0.05)
    assert len(found.differences) == 4
    assert found.freedom == fit.df_resid
    assert found.residual == pytest.approx(math.sqrt(fit.scale))
    for row, one in found.differences.items():
        name = f"C(row, Treatment('row 0'))[T.{row}]"
        assert one.n == len(scores[row])
        assert one.estimate == pytest.approx(fit.params[name])
        assert one.interval == pytest.approx(tuple(bounds.loc[name]))
        assert one.chance == pytest.approx(fit.pvalues[name])


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_joint_chances_are_those_of_the_multivariate_t(missing: int) -> None:
    scores = made_up(5, missing=missing)

    found = compare(scores, "row 0")

    covariance = least_squares(scores, "row 0").cov_params().iloc[1:5, 1:5].to_numpy()
    for row, one in found.differences.items():
        assert one.joint_chance == pytest.approx(dunnett(found, covariance, row), abs=5e-4)


def test_a_family_without_shared_seeds_is_scipy_s_dunnett() -> None:
    draw = np.random.default_rng(1)
    control, *samples = draw.normal(0, 1, (4, 6)) + np.array([[0], [0.3], [0.9], [1.4]])

    family = Family.of(np.full(3, 1 / 6), np.full((3, 1), 1 / math.sqrt(6)), 20)
    judged = stats.dunnett(*samples, control=control, rng=0)

    # SciPy's own integration is good to three digits
    assert 1 - family.coverage(1.5) == pytest.approx(
        1
        - stats.multivariate_t.cdf(
            [1.5] * 3, shape=(np.eye(3) + 1) / 2, df=20, lower_limit=[-1.5] * 3, random_state=0
        ),
        abs=1e-4,
    )
    for statistic, chance in zip(judged.statistic, judged.pvalue, strict=True):
        assert 1 - family.coverage(abs(statistic)) == pytest.approx(chance, abs=2e-3)


@pytest.mark.parametrize(
    ("rows", "freedom", "bound"),
    [(1, 5, 2.57), (2, 5, 3.03), (9, 5, 3.97), (3, 20, 2.54), (5, 60, 2.58), (9, 120, 2.73)],
)
def test_bounds_are_those_of_dunnett_s_table(rows: int, freedom: int, bound: float) -> None:
    family = Family.of(np.ones(rows), np.ones((rows, 1)), freedom)

    found = family.bound(0.95)

    assert round(found, 2) == bound


@pytest.mark.parametrize("freedom", [1, 2, 3, 10, 200])
def test_a_family_of_one_is_student_s(freedom: int) -> None:
    family = student(freedom)

    bound = family.bound(0.95)

    noncentral = stats.nct(freedom, 3)
    assert bound == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-10)
    assert 1 - family.coverage(50) == pytest.approx(2 * stats.t.sf(50, freedom), abs=1e-12)
    assert family.coverage(bound, shift=3) == pytest.approx(
        noncentral.cdf(bound) - noncentral.cdf(-bound), abs=1e-12
    )


def test_two_rows_make_the_paired_t_test() -> None:
    scores = made_up(2, seeds=(0, 1, 2, 3, 4))

    one = compare(scores, "row 0").differences["row 1"]

    paired = stats.ttest_rel(list(scores["row 1"].values()), list(scores["row 0"].values()))
    assert one.chance == pytest.approx(paired.pvalue)
    assert one.joint_chance == pytest.approx(paired.pvalue)
    assert one.interval == pytest.approx(tuple(paired.confidence_interval(0.95)))


def test_the_smallest_effect_is_found_four_times_in_five() -> None:
    scores = made_up(2, seeds=(0, 1, 2, 3, 4))

    found = compare(scores, "row 0")

    size = TTestPower().solve_power(nobs=5, alpha=0.05, power=0.8)
    assert found.detectable == pytest.approx(size * math.sqrt(2) * found.residual, rel=1e-6)


def test_a_joint_interval_misses_in_one_table_of_twenty() -> None:
    draw = np.random.default_rng(0)
    missed, tables = 0, 120

    for _ in range(tables):
        scores = {
            str(row): dict(enumerate(luck + draw.normal(0, 1, 3)))
            for luck in [draw.normal(0, 5, 3)]
            for row in range(6)
        }
        differences = compare(scores, "0").differences.values()
        missed += any(
            not one.joint_interval.low < 0 < one.joint_interval.high for one in differences
        )

    assert stats.binomtest(missed, tables, 0.05).pvalue > 0.01


def test_one_seed_tells_differences_and_nothing_of_their_worth() -> None:
    found = compare({"full": {0: 0.75}, "less": {0: 0.5}}, "full")

    assert found.residual is None and found.detectable is None
    one = found.differences["less"]
    assert (one.n, one.estimate, one.interval, one.joint_chance) == (1, -0.25, None, None)


def test_rows_without_a_common_seed_are_not_compared_but_tell_of_the_noise() -> None:
    apart = {"c": {7: 0.1, 8: 0.2}, "d": {7: 0.1, 8: 0.4}}
    near = {"a": {0: 0.5, 1: 0.6}, "b": {0: 0.5, 1: 0.8}}

    found = compare({**near, **apart, "e": {}}, "a")

    assert found.freedom == 2
    assert found.residual == pytest.approx(0.1)
    assert found.differences["b"].estimate == pytest.approx(0.1)
    assert found.differences["c"].estimate is None
    assert found.differences["c"].n == 2
    assert "e" not in found.differences


def test_rows_are_compared_over_a_third_that_shares_seeds_with_both() -> None:
    scores = {"a": {0: 0.5}, "between": {0: 0.6, 1: 0.7}, "b": {1: 0.9}}

    one = compare(scores, "a").differences["b"]

    assert one.estimate == pytest.approx(0.3)


def test_scores_that_agree_to_the_last_digit_have_no_noise() -> None:
    scores = {"a": {0: 0.5, 1: 0.75}, "b": {0: 0.25, 1: 0.5}, "c": {0: 0.5, 1: 0.75}}

    found = compare(scores, "a").differences

    assert found["b"].joint_interval == (-0.25, -0.25)
    assert found["b"].joint_chance == 0
    assert found["c"].chance == 1


def test_a_reference_without_scores_is_refused() -> None:
    with pytest.raises(ValueError, match="'full' has no score to compare with"):
        compare({"full": {}, "less": {0: 0.5}}, "full")
