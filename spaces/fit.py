"""Equal-cost comparison: the one value that is solved so that a network costs what it should."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from spaces.labels import Label, SpaceError
from spaces.tree import Decision, Fit

Price = Callable[[Callable[..., object]], object]


def solve(
    name: str,
    fit: Fit,
    labels: Sequence[Label],
    target: float,
    cost: Callable[[Label], float],
) -> tuple[Label, str]:
    """Return which of the labels comes closest to the target, and why it is refused if it is."""
    costs: dict[Label, float] = {}
    problem = ""
    for label in labels:
        try:
            costs[label] = cost(label)
        except ValueError as error:
            problem = str(error)
    if not costs:
        return labels[0], f"{name}: no option of the fit can be built; {problem}"
    nearest = min(costs, key=lambda label: abs(costs[label] - target))
    distance = abs(costs[nearest] - target) / target
    if distance <= fit.tolerance:
        return nearest, ""
    return nearest, (
        f"{name} = {nearest!r} comes nearest to {fit.metric} = {target:,.0f} with "
        f"{costs[nearest]:,.0f}, {distance:.1%} off; {fit.tolerance:.1%} is allowed"
    )


def number(name: str, target: object) -> float:
    """Return a target that is a cost."""
    if isinstance(target, bool) or not isinstance(target, int | float) or not 0 < target < math.inf:
        raise SpaceError(f"{name}: {target!r} is no cost to fit to; give a number or a baseline")
    return target


def check_tolerance(tolerance: object) -> None:
    """Refuse a tolerance that is not a share of the target."""
    if not isinstance(tolerance, int | float) or not 0 <= tolerance < math.inf:
        raise SpaceError(f"tolerance = {tolerance!r} is not a share; 0.05 allows 5 % more or less")


def check_recipe(decisions: Iterable[Decision]) -> None:
    """Refuse a fit in a recipe, on which no cost depends."""
    for decision in decisions:
        if isinstance(decision.choice, Fit):
            raise SpaceError(f"{decision.name}: a fit solves for what a network costs")


def check_single(fits: Sequence[Decision]) -> None:
    """Refuse a second fit in a network."""
    if len(fits) > 1:
        raise SpaceError(
            f"{fits[0].name} and {fits[1].name} are two fits; a network has one: "
            "tie them, fit(..., tie=...)"
        )
