"""Means over seeds and the front, judged by definitions written out."""

import itertools
import random

import pytest

from search.experiment import limit
from search.objectives import Objective, objective, problem, violation
from search.rows import Mean, front, ranked

GOALS = (Objective("accuracy", "maximize"), Objective("macs", "minimize"))


def mean(score: float, **figures: float) -> Mean:
    return Mean("", {}, str((score, figures)), figures, "accuracy", (score,), (0,))


def dominated(one: Mean, other: Mean, goals: tuple[Objective, ...]) -> bool:
    pairs = [(one.value(goal), other.value(goal)) for goal in goals]
    return all(b <= a for a, b in pairs) and any(b < a for a, b in pairs)


@pytest.mark.parametrize("extra", [(), (Objective("params", "minimize"),)])
def test_the_front_is_what_nothing_dominates_where_costs_are_far_apart(
    extra: tuple[Objective, ...],
) -> None:
    draw = random.Random(0)
    costs = [1.1**power for power in range(30)]
    goals = (*GOALS, *extra)
    candidates = [
        mean(draw.random(), macs=draw.choice(costs), params=draw.choice(costs)) for _ in range(80)
    ]

    found = front(candidates, goals)

    assert found == sorted(
        (
            one
            for one in candidates
            if not any(dominated(one, other, goals) for other in candidates)
        ),
        key=lambda one: [one.value(goal) for goal in (*goals[1:], goals[0])],
    )


def test_a_cost_within_a_hundredth_is_no_reason_to_be_on_the_front() -> None:
    better, cheaper, apart = mean(0.9, macs=1009), mean(0.8, macs=1000), mean(0.7, macs=900)

    assert front([better, cheaper, apart], GOALS) == [apart, better]


def test_of_equal_scores_the_cheapest_is_best_and_on_the_front() -> None:
    dear, cheap = mean(0.9, macs=1000), mean(0.9, macs=990)

    assert ranked([dear, cheap], GOALS)[0] == cheap
    assert front([dear, cheap], GOALS) == [cheap]


def test_steps_within_a_hundredth_do_not_add_up() -> None:
    ladder = [mean(step / 100, macs=1000 * 1.009**step) for step in range(10)]

    found = front(ladder, GOALS)

    for one, other in itertools.pairwise(found):
        assert other.figures["macs"] > 1.01 * one.figures["macs"]
    assert ladder[-1] in found


def test_a_score_to_be_minimised_counts_the_other_way() -> None:
    goals = (Objective("loss", "minimize"), GOALS[1])
    low, high = mean(0.1, macs=100), mean(0.9, macs=100)

    assert front([low, high], goals) == [low]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accuracy", Objective("accuracy", "maximize")),
        ("macs", Objective("macs", "minimize")),
        ("latency", Objective("latency", "minimize")),
        ("mIoU", Objective("mIoU", "maximize")),
        ("minimize loss", Objective("loss", "minimize")),
    ],
)
def test_an_objective_knows_its_direction(text: str, expected: Objective) -> None:
    assert objective(text) == expected


@pytest.mark.parametrize(
    ("text", "figure", "past"),
    [
        ("macs<=100", 100, 0.0),
        ("macs<=100", 150, 0.5),
        ("macs<100", 99, -0.01),
        ("accuracy>=0.5", 0.25, 0.5),
        ("accuracy>=0.5", 0.75, -0.5),
    ],
)
def test_a_violation_is_relative_to_its_bound(text: str, figure: float, past: float) -> None:
    assert violation(limit(text), figure) == pytest.approx(past)


@pytest.mark.parametrize("text", ["macs<100", "macs>100"])
def test_a_strict_bound_is_broken_by_its_own_value(text: str) -> None:
    assert violation(limit(text), 100) > 0


def test_what_cannot_be_told_is_named() -> None:
    assert problem(GOALS, {"accuracy": 0.5, "macs": 3}) == ""
    assert problem(GOALS, {"macs": 3}) == "there is no accuracy, which is an objective"
    assert problem(GOALS, {"accuracy": 0.5, "macs": float("inf")}) == "macs is inf"
