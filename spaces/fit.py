"""Equal-cost comparison: the one value that is solved so that a network costs what it should."""

from __future__ import annotations

from collections.abc import Callable

from spaces.labels import Label
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
