"""What choices explain, judged by numbers that were put in, and by scipy's variances."""

import itertools
import random
from statistics import pvariance

import numpy as np
import pytest

from search.effects import effects, noise
from search.rows import Mean
from spaces.labels import Label


def mean(choices: dict[str, Label], *scores: float) -> Mean:
    return Mean("", choices, str(choices), {}, "accuracy", scores, (0,))


def grid(seed: int = 0) -> list[Mean]:
    """A whole grid: `a` adds 0 to 3, `b` up to 0.4, and both have a little of their own."""
    draw = random.Random(seed)
    return [
        mean({"a": a, "b": b}, a + 0.2 * (b == "y") + 0.4 * (b == "z") + draw.gauss(0, 0.05))
        for a, b in itertools.product(range(4), "xyz")
    ]


LABELS = {"a": (0, 1, 2, 3), "b": ("x", "y", "z")}


def test_in_a_whole_grid_a_share_is_the_variance_of_the_options_means() -> None:
    held = grid()

    found = {one.choice: one for one in effects(held, LABELS)}

    whole = pvariance([one.mean for one in held])
    for name, labels in LABELS.items():
        means = [
            np.mean([one.mean for one in held if one.choices[name] == label]) for label in labels
        ]
        assert found[name].alone == pytest.approx(np.var(means) / whole)
        assert found[name].beyond == pytest.approx(found[name].alone)
        assert [level.mean for level in found[name].levels] == pytest.approx(means)
        assert not found[name].is_confounded


def test_the_choice_that_explains_most_comes_first() -> None:
    assert [one.choice for one in effects(grid(), LABELS)] == ["a", "b"]


def test_choices_that_vary_together_are_called_confounded() -> None:
    draw = random.Random(1)
    held = [
        mean({"a": a, "b": "xyz"[a % 3] if step else "x"}, a + draw.gauss(0, 0.1))
        for a in range(3)
        for step in range(6)
    ]

    found = {one.choice: one for one in effects(held, {"a": (0, 1, 2), "b": ("x", "y", "z")})}

    assert found["b"].alone > 0.3
    assert found["b"].beyond == pytest.approx(0, abs=0.05)
    assert found["b"].is_confounded


def test_chance_explains_what_as_many_meaningless_options_would_on_average() -> None:
    draw = random.Random(2)
    shares = []
    for _ in range(300):
        held = [mean({"a": place % 4}, draw.gauss(0, 1)) for place in range(20)]
        (found,) = effects(held, {"a": (0, 1, 2, 3)})
        shares.append(found.alone)

    assert np.mean(shares) == pytest.approx(found.chance, abs=0.02)


def test_a_choice_inside_an_option_is_judged_among_those_that_have_it() -> None:
    held = [mean({"gate": "SE", "gate.SE.r": r}, 0.1 * r) for r in (1, 2, 3)]
    held.append(mean({"gate": "ECA"}, 0.9))

    found = {
        one.choice: one for one in effects(held, {"gate": ("SE", "ECA"), "gate.SE.r": (1, 2, 3)})
    }

    assert found["gate.SE.r"].n == 3
    assert found["gate.SE.r"].alone == pytest.approx(1)
    assert found["gate.SE.r"].beyond is None


def test_too_few_trials_for_all_choices_leave_open_what_one_adds() -> None:
    held = [mean({"a": 0, "b": "x"}, 0.1), mean({"a": 1, "b": "y"}, 0.2)]

    assert [one.beyond for one in effects(held, LABELS)] == [None, None]


def test_equal_scores_are_explained_by_nothing() -> None:
    found = effects([mean({"a": a}, 0.5) for a in range(3)], {"a": (0, 1, 2)})

    assert [one.alone for one in found] == [0.0]


def test_noise_is_the_share_that_seeds_alone_would_make() -> None:
    draw = random.Random(3)
    shares = []
    for _ in range(10):
        # as much variance between architectures as three seeds leave in a mean
        worths = [draw.gauss(0, 3**-0.5) for _ in range(400)]
        held = [mean({}, *(worth + draw.gauss(0, 1) for _ in range(3))) for worth in worths]
        shares.append(noise(held) or 0.0)

    assert np.mean(shares) == pytest.approx(0.5, abs=0.04)


def test_one_seed_each_tells_nothing_of_noise() -> None:
    assert noise([mean({"a": a}, float(a)) for a in range(3)]) is None
