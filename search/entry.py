"""A trial as a study keeps it, in plain data, and what becomes of it by its result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from search.experiment import Limit
from search.objectives import Objective, problem, violations
from search.rows import figures_of
from spaces import SpaceError

State = Literal["running", "waiting", "complete", "pruned", "fail"]

REFUSALS = ("refused", "over a limit")
ENDS: Mapping[str, State] = {
    "complete": "complete",
    "stopped": "pruned",
    **dict.fromkeys(REFUSALS, "pruned"),
}
"""What a status is to Optuna; any other is a failure."""


@dataclass(frozen=True)
class Entry:
    """One trial; without a number it is not stored yet.

    `kept` are its attributes: name, seed, key, choices, figures, code and folder, with the
    `result` once there is one, or with the number of the trial whose result it repeats as `replay`.
    `system` is what a sampler wants to find again.
    """

    state: State
    kept: Mapping[str, Any]
    values: tuple[float, ...] = ()
    violations: Mapping[str, float] = field(default_factory=dict)
    system: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[int, float] = field(default_factory=dict)
    began: datetime | None = None
    number: int = -1

    @property
    def identity(self) -> str:
        """What the seeds of one architecture share: a baseline's name, or a key."""
        return str(self.kept["name"] or self.kept["key"])

    @property
    def status(self) -> str:
        """What is said of it: the result's own word where there is one."""
        if "replay" in self.kept:
            return "duplicate"
        if "result" in self.kept:
            return str(self.kept["result"]["status"])
        return "interrupted" if self.state == "waiting" else self.state

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more is to come."""
        return self.state not in ("running", "waiting")


def checked(kept: Mapping[str, Any], goals: Iterable[Objective]) -> dict[str, Any]:
    """Return a result that can be told: one without a number for every objective has failed."""
    result = dict(kept["result"])
    if result["status"] != "complete":
        return {**result, "score": None}
    for goal in goals:
        if goal.metric == result["metric"] and goal.direction != result["direction"]:
            raise SpaceError(
                f"the training loop says to {result['direction']} {goal.metric!r} and the study "
                f"to {goal.direction} it; write objectives = ['{result['direction']} "
                f"{goal.metric}', ...]"
            )
    if fault := problem(goals, scored(kept)):
        return {**result, "status": "failed", "reason": fault, "score": None}
    return result


def concluded(
    kept: Mapping[str, Any], goals: Iterable[Objective], limits: Iterable[Limit]
) -> tuple[State, tuple[float, ...], dict[str, float]]:
    """Return the state, the values and the violations that a checked result comes to.

    A baseline runs out of competition. It has no parameters, and to Optuna parameters matter only
    if every complete trial has them: one without would make all of them look alike.
    """
    state = ENDS.get(kept["result"]["status"], "fail")
    if kept["name"] and state == "complete":
        state = "pruned"
    figures = scored(kept)
    values = tuple(float(figures[goal.metric]) for goal in goals) if state == "complete" else ()
    return state, values, violations(limits, figures)


def scored(kept: Mapping[str, Any]) -> dict[str, float]:
    """Return all figures, with the score among them where there is one."""
    result = kept["result"]
    own = {} if result["score"] is None else {result["metric"]: result["score"]}
    return {**figures_of(kept), **own}
