"""When a training of a study ends early: what the study has seen, handed to a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from search.halving import Asha, Halving
from search.objectives import Objective, objective
from search.proposal import Proposal
from search.rows import score_among
from search.study import Study
from spaces import SpaceError
from trials.epoch import Epoch

Rule = Literal["auto", "front", "asha", "none"]
SHORT = 10
"""Epochs below which stopping saves little and misleads much."""
COSTS = ("params", "macs", "activations")
RULES: Mapping[str, Callable[[int], Halving | Asha]] = {"front": Halving, "asha": Asha}


def chosen(rule: str, epochs: int) -> str:
    """Return the rule that a word stands for."""
    if rule == "auto":
        return "front" if epochs >= SHORT else "none"
    if rule not in (*RULES, "none"):
        raise SpaceError(f"there is no stopping {rule!r}; there are auto, front, asha, none")
    return rule


def stopper(rule: str, study: Study, epochs: int, seed: int) -> Callable[[Proposal, Epoch], str]:
    """Return what tells why a training ends with an epoch; baselines and further seeds never do."""
    if rule == "none":
        return lambda proposal, epoch: ""
    halving = RULES[rule](epochs)
    goals = [objective(text) for text in study.experiment.objectives]
    sign = -1 if score_among(goals).direction == "minimize" else 1
    for row in study.rows():
        held = prices(row.figures, goals)
        for epoch in row.curve:
            halving.put(row.number, epoch.number, sign * epoch.score, held)

    def stops(proposal: Proposal, epoch: Epoch) -> str:
        cost = {name: getattr(proposal.cost, name) for name in COSTS}
        told = proposal.number, epoch.number, sign * epoch.score, prices(cost, goals)
        if proposal.name or proposal.seed != seed:
            halving.put(*told)
            return ""
        return halving.stops(*told)

    return stops


def prices(figures: Mapping[str, float], goals: Sequence[Objective]) -> tuple[float, ...]:
    """Return what is known to be paid before a training; MACs where no objective is a count."""
    counted = [goal.metric for goal in goals if goal.metric in COSTS] or ["macs"]
    return tuple(float(figures[name]) for name in counted)
