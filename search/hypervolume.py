"""How much of a box a set of points dominates, where less is better in every direction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Point = tuple[float, ...]


def hypervolume(points: Iterable[Sequence[float]], reference: Sequence[float]) -> float:
    """Return the volume between the points and the reference, by slices along the last axis."""
    inside = {
        tuple(point)
        for point in points
        if all(a < b for a, b in zip(point, reference, strict=True))
    }
    return volume(undominated(inside), tuple(reference))


def volume(points: list[Point], reference: Point) -> float:
    """Return the volume of points that do not dominate each other."""
    if not points:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(point[0] for point in points)
    total = 0.0
    ordered = sorted(points, key=lambda point: point[-1])
    ends = [*(point[-1] for point in ordered[1:]), reference[-1]]
    below: list[Point] = []
    for point, end in zip(ordered, ends, strict=True):
        below = undominated([*below, point[:-1]])
        if end > point[-1]:
            total += (end - point[-1]) * volume(below, reference[:-1])
    return total


def undominated(points: Iterable[Point]) -> list[Point]:
    """Keep what no other point is at least as good as."""
    kept: list[Point] = []
    for point in sorted(set(points)):
        # in this order only what came before can be as good in every direction
        if not any(all(a <= b for a, b in zip(held, point, strict=True)) for held in kept):
            kept.append(point)
    return kept
