"""Equal-cost comparison: the one value that is solved so that a network costs what it should."""

from __future__ import annotations

import math
from collections.abc import Callable

from spaces.labels import Label, SpaceError
from spaces.tree import Fit

Price = Callable[[Callable[..., object]], object]


def solve(name: str, fit: Fit, target: float, cost: Callable[[Label], float]) -> tuple[Label, str]:
    """Return the option that comes closest to the target, and why it is refused if it is."""
    costs: dict[Label, float] = {}
    problem = ""
    for label in fit.labels:
        try:
            costs[label] = cost(label)
        except ValueError as error:
            problem = str(error)
    if not costs:
        return fit.labels[0], f"{name}: no option of the fit can be built; {problem}"
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
