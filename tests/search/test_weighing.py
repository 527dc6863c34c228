"""Estimates beside means, whatever direction scores and prices have."""

from search.objectives import objective
from search.rows import Mean
from search.weighing import known, weighed


def mean(name: str, figures: dict[str, float], *scores: float, metric: str = "accuracy") -> Mean:
    return Mean("", {}, name, figures, metric, scores, tuple(range(len(scores))))


def test_where_all_have_as_many_seeds_they_are_judged_by_what_they_scored() -> None:
    goals = [objective("accuracy"), objective("macs")]
    means = [mean("a", {"macs": 1.0}, 0.5), mean("b", {"macs": 2.0}, 0.6)]

    assert weighed(means, goals) == means


def test_one_lucky_seed_is_estimated_below_what_it_scored() -> None:
    goals = [objective("accuracy"), objective("macs")]
    usual = [mean(str(place), {"macs": 9.0}, 0.70, 0.71, 0.72) for place in range(4)]

    *_, lucky = weighed([*usual, mean("lucky", {"macs": 9.0}, 0.75)], goals)

    assert lucky.estimate is not None
    assert lucky.estimate < 0.75


def test_less_loss_is_a_better_score_and_is_told_as_a_loss() -> None:
    goals = [objective("minimize loss"), objective("macs")]
    means = [
        mean("good", {"macs": 1.0}, 1.0, 1.1, metric="loss"),
        mean("bad", {"macs": 1.0}, 2.0, metric="loss"),
    ]

    good, bad = weighed(means, goals)

    assert 0 < good.estimate < bad.estimate
    assert good.on_front > bad.on_front


def test_a_price_of_which_more_is_better_is_turned() -> None:
    goals = [objective("accuracy"), objective("maximize throughput")]
    means = [mean("slow", {"throughput": 10.0}, 0.5), mean("fast", {"throughput": 90.0}, 0.5)]

    assert [one.prices for one in known(means, goals)] == [(-10.0,), (-90.0,)]


def test_with_no_price_the_best_is_the_front() -> None:
    goals = [objective("accuracy")]
    means = [mean("a", {}, 0.50, 0.51), mean("b", {}, 0.90)]

    a, b = weighed(means, goals)

    assert a.on_front + b.on_front == 1
