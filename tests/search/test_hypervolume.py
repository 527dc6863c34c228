"""The dominated volume, judged by counting cells of a grid."""

import itertools
import random

import pytest

from search.hypervolume import hypervolume


def counted(points: list[tuple[int, ...]], reference: tuple[int, ...]) -> int:
    cells = itertools.product(*(range(end) for end in reference))
    return sum(
        any(all(a <= b for a, b in zip(point, cell, strict=True)) for point in points)
        for cell in cells
    )


@pytest.mark.parametrize("dimensions", [1, 2, 3, 4])
def test_the_volume_is_that_of_the_cells_that_a_point_dominates(dimensions: int) -> None:
    draw = random.Random(dimensions)
    reference = (6,) * dimensions
    for count in (0, 1, 3, 12):
        points = [tuple(draw.randrange(7) for _ in range(dimensions)) for _ in range(count)]

        found = hypervolume(points, reference)

        assert found == counted(points, reference)


def test_a_point_past_the_reference_adds_nothing() -> None:
    assert hypervolume([(1.0, 5.0), (0.0, 9.0)], (4.0, 8.0)) == 9.0
