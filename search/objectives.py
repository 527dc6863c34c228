"""What is optimised and what is bounded, as numbers: counted before a training, judged after."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from search.experiment import COUNTED, Experiment, Limit
from spaces import Architecture
from trials.cost import Cost
from trials.price import Prices
from trials.profilers import PROFILERS

CHEAP = (*COUNTED, "latency", "memory")


@dataclass(frozen=True)
class Objective:
    """A metric, and whether more of it is better."""

    metric: str
    direction: Literal["maximize", "minimize"]


def objective(text: str) -> Objective:
    """Read an objective; a score is maximised unless it is written as `minimize loss`."""
    direction, _, metric = text.rpartition(" ")
    if direction == "minimize" or (not direction and metric in CHEAP):
        return Objective(metric, "minimize")
    return Objective(metric, "maximize")


class Counts:
    """The figures of an architecture that need no training, as far as they are asked for."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        named = [objective(text).metric for text in experiment.objectives]
        asked = {*named, *(limit.metric for limit in experiment.limits)}
        self._profilers = {
            name: Prices(experiment.shape, run=run)
            for name, run in PROFILERS.items()
            if name in asked
        }

    def __call__(self, architecture: Architecture) -> dict[str, int]:
        """Return the figures by metric; a ValueError says why the architecture is refused."""
        cost = self.experiment.cost(architecture)
        counted = {
            name: price(architecture.network).macs for name, price in self._profilers.items()
        }
        return {
            "params": cost.params,
            "macs": cost.macs,
            "activations": cost.activations,
            **counted,
        }


def cost_of(figures: Mapping[str, float]) -> Cost:
    """Return the part of the figures that is the cost."""
    return Cost(int(figures["params"]), int(figures["macs"]), int(figures["activations"]))


def violations(limits: Iterable[Limit], figures: Mapping[str, float]) -> dict[str, float]:
    """Return by how much of its bound each limit is broken; what keeps it is not above zero."""
    known = [limit for limit in limits if limit.metric in figures]
    return {str(limit): violation(limit, figures[limit.metric]) for limit in known}


def violation(limit: Limit, figure: float) -> float:
    """Return how far a figure is past a limit, relative to it."""
    past = figure - limit.value if limit.sign.startswith("<") else limit.value - figure
    share = past / (abs(limit.value) or 1.0)
    return min(share, 0.0) if limit.allows(figure) else max(share, math.ulp(1.0))


def problem(objectives: Iterable[Objective], figures: Mapping[str, float]) -> str:
    """Say which figure cannot be told to a study, if any."""
    for goal in objectives:
        figure = figures.get(goal.metric)
        if figure is None:
            return f"there is no {goal.metric}, which is an objective"
        if not math.isfinite(figure):
            return f"{goal.metric} is {figure}"
        if goal.metric == "accuracy" and not 0 <= figure <= 1:
            return f"accuracy = {figure:g} is not a share of 1"
    return ""
