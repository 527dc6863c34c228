"""Every architecture is drawn equally often, whatever its conditions and ties."""

import math
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from spaces import Space, choice
from tests.spaces.random_spaces import drawn_space, space_of


def anything(*args: object, **named: object) -> None: ...


def deviation(space: Space, random: Random, each: int = 100) -> float:
    """Return by how many standard deviations chi-square misses what equal shares would give."""
    drawn = Counter(space.draw(random) for _ in range(each * space.size))
    assert len(drawn) == space.size
    freedom = space.size - 1
    square = sum((times - each) ** 2 / each for times in drawn.values())
    return abs(square - freedom) / math.sqrt(2 * freedom)


def test_random_spaces_are_drawn_from_evenly() -> None:
    deviations = []
    for seed in range(200):
        space = space_of(drawn_space(Random(seed)))
        if 2 <= space.size <= 60:
            deviations.append(deviation(space, Random(seed)))

    assert len(deviations) > 40
    assert max(deviations) < 5
    assert 0.4 < sum(deviations) / len(deviations) < 1.1


def test_an_option_with_many_conditions_is_drawn_as_often_as_it_has_architectures() -> None:
    space = Space(anything, choice(None, rich=partial(anything, choice(*range(99)))))
    random = Random(0)

    drawn = Counter(space.draw(random).choices["0"] for _ in range(10_000))

    assert 50 < drawn[None] < 150


def test_what_a_tie_forbids_later_weighs_on_what_is_drawn_first() -> None:
    def place(*ties: Any) -> Any:
        return partial(anything, *(choice(1, 2, 3, 4, tie=tie) for tie in ties))

    space = Space(
        anything,
        choice(bare=None, tied=place("a")),
        choice(bare=None, tied=place("a", "b")),
        choice(bare=None, tied=place("b"), far=place("c")),
    )

    assert space.size == len(list(space))
    assert deviation(space, Random(0)) < 5


def test_the_same_seed_draws_the_same_in_every_process() -> None:
    program = """
from random import Random
from tests.spaces.random_spaces import drawn_space, space_of
random = Random(7)
for seed in range(40):
    print(space_of(drawn_space(Random(seed))).draw(random).key)
"""
    root = Path(__file__).parents[2]

    printed = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=root,
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for hash_seed in ("1", "2")
    ]

    assert printed[0] == printed[1]
    assert len(set(printed[0])) > 20


def test_100000_architectures_are_drawn_in_seconds() -> None:
    sites = [choice(None, *range(27)) for _ in range(4)]
    space, random = Space(anything, *sites), Random(0)
    start = time.process_time()

    drawn = Counter(space.draw(random) for _ in range(100_000))

    assert time.process_time() - start < 15
    # the birthday paradox: 614,656 * (1 - exp(-100,000 / 614,656)) = 92,260 expected
    assert 91_800 < len(drawn) < 92_720


def test_tied_spaces_are_drawn_from_as_quickly() -> None:
    def gate() -> Any:
        parts = {
            f"part{part}": partial(anything, choice(2, 4, 8, 16, tie="reduction"))
            for part in range(27)
        }
        return choice(None, **parts)

    space, random = Space(anything, *[gate() for _ in range(4)]), Random(0)
    start = time.process_time()

    drawn = {space.draw(random) for _ in range(10_000)}

    assert space.size == 1 + 4 * (28**4 - 1)
    assert len(drawn) > 9_900
    assert time.process_time() - start < 10
