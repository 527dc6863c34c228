"""What came out of a study: a row for each training, their means over seeds, the front."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from statistics import fmean, stdev
from typing import Any

from search.experiment import Limit
from search.objectives import CHEAP, Objective, violations
from search.survey import RESOLUTION
from spaces.labels import Label
from trials.epoch import Epoch
from trials.trial import Result


@dataclass(frozen=True)
class Row:
    """One training; `name` is a baseline's, `figures` are all but the score, by metric.

    `folder` is the name of the folder with its weights; `code` the hash of each file it is made of.
    """

    number: int
    name: str
    choices: Mapping[str, Label]
    key: str
    seed: int
    status: str
    reason: str
    metric: str
    score: float | None
    curve: tuple[Epoch, ...]
    figures: Mapping[str, float]
    seconds: float
    flags: tuple[str, ...]
    folder: str
    code: Mapping[str, str]

    @property
    def identity(self) -> str:
        """What the seeds of one architecture share."""
        return self.name or self.key

    @property
    def params(self) -> int:
        """The parameters."""
        return int(self.figures["params"])

    @property
    def macs(self) -> int:
        """The multiply-accumulates."""
        return int(self.figures["macs"])

    @property
    def ptflops(self) -> float | None:
        """The figure of ptflops, where an objective or a limit asks for it."""
        return self.figures.get("ptflops")

    @property
    def thop(self) -> float | None:
        """The figure of thop, where an objective or a limit asks for it."""
        return self.figures.get("thop")


def unknown() -> Any:
    """Build nothing: a row that no study has returned is about no network."""
    raise ValueError("this row was not returned by a study, which knows how to build its network")


@dataclass(frozen=True)
class Mean:
    """An architecture over its seeds; `scores` are of those that trained to the end.

    `build()` returns its network, untrained. Where others have more seeds or fewer, `estimate` is
    what the mean is taken for, and `on_front` the probability that it is on the front.
    """

    name: str
    choices: Mapping[str, Label]
    key: str
    figures: Mapping[str, float]
    metric: str
    scores: tuple[float, ...]
    numbers: tuple[int, ...]
    build: Callable[[], Any] = field(default=unknown, compare=False, repr=False)
    estimate: float | None = None
    on_front: float | None = None

    @property
    def n(self) -> int:
        """How many seeds there are."""
        return len(self.scores)

    @property
    def mean(self) -> float:
        """The mean score."""
        return fmean(self.scores)

    @property
    def std(self) -> float | None:
        """The standard deviation of the scores; one seed has none."""
        return stdev(self.scores) if self.n > 1 else None

    def keeps(self, limits: Iterable[Limit]) -> bool:
        """Tell whether the architecture stays within limits."""
        figures = {**self.figures, self.metric: self.mean}
        return all(past <= 0 for past in violations(limits, figures).values())

    def value(self, goal: Objective) -> float:
        """Return what the architecture comes to in an objective, turned so that less is better."""
        score = self.mean if self.estimate is None else self.estimate
        figure = self.figures.get(goal.metric, score)
        return figure if goal.direction == "minimize" else -figure


def row(number: int, state: str, kept: Mapping[str, Any], scores: Mapping[int, float]) -> Row:
    """Read a training from what a study keeps of it; one that still runs has its scores alone."""
    result = kept.get("result", {})
    curve = tuple(epoch(entry) for entry in result.get("curve", ()))
    return Row(
        number,
        kept["name"],
        kept["choices"],
        kept["key"],
        kept["seed"],
        result.get("status", state),
        result.get("reason", ""),
        result.get("metric", "accuracy"),
        result.get("score"),
        curve or tuple(Epoch(place, math.nan, score) for place, score in sorted(scores.items())),
        figures_of(kept),
        result.get("seconds", 0.0),
        tuple(result.get("flags", ())),
        kept["folder"],
        kept["code"],
    )


def flat(one: Row) -> dict[str, Any]:
    """Return a training as plain columns, a choice and a figure each."""
    return {
        "number": one.number,
        "name": one.name,
        "seed": one.seed,
        "status": one.status,
        "reason": one.reason,
        **one.choices,
        one.metric: one.score,
        **one.figures,
        "seconds": one.seconds,
    }


def figures_of(kept: Mapping[str, Any]) -> dict[str, float]:
    """Return what was counted before a training and measured after it."""
    counted = {metric: kept[metric] for metric in CHEAP if metric in kept}
    return {**counted, **kept.get("result", {}).get("measured", {})}


def plain(result: Result, measured: Mapping[str, float]) -> dict[str, Any]:
    """Return a result as plain data; of the classes' accuracies only the last."""
    curve = [lean(one) for one in result.curve]
    if result.curve and result.curve[-1].classes:
        curve[-1]["classes"] = result.curve[-1].classes
    values = {field.name: getattr(result, field.name) for field in fields(result)}
    values |= {"curve": curve, "measured": dict(measured)}
    # a loop of one's own may yield the numbers of numpy or torch
    told: dict[str, Any] = json.loads(json.dumps(values, default=float))
    return told


def lean(one: Epoch) -> dict[str, Any]:
    """Return what an epoch says beyond its defaults."""
    values = {field.name: (getattr(one, field.name), field.default) for field in fields(one)}
    return {
        name: value
        for name, (value, default) in values.items()
        if value != default and name != "classes"
    }


def epoch(entry: Mapping[str, Any]) -> Epoch:
    """Read an epoch back."""
    tuples = {name: tuple(value) for name, value in entry.items() if isinstance(value, list)}
    return Epoch(**{**entry, **tuples})


def means(rows: Iterable[Row]) -> list[Mean]:
    """Average each architecture over the seeds that trained to the end."""
    groups: dict[str, list[Row]] = {}
    for one in rows:
        if one.score is not None:
            groups.setdefault(one.identity, []).append(one)
    return [
        Mean(
            held[0].name,
            held[0].choices,
            held[0].key,
            averaged([one.figures for one in held]),
            held[0].metric,
            tuple(one.score for one in held if one.score is not None),
            tuple(one.number for one in held),
        )
        for held in groups.values()
    ]


def averaged(figures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Average figures; what was counted is the same for all seeds and stays a whole number."""
    columns = {
        name: [held[name] for held in figures]
        for name in figures[0]
        if all(name in held for held in figures)
    }
    return {
        name: column[0] if len(set(column)) == 1 else fmean(column)
        for name, column in columns.items()
    }


def front(candidates: Iterable[Mean], goals: Sequence[Objective]) -> list[Mean]:
    """Return what nothing of at least its score costs as little, the cheapest first.

    Costs within the resolution are equal, so a score must pay for its price by more than that.
    """
    score = score_among(goals)
    prices = [goal for goal in goals if goal is not score]
    kept: list[Mean] = []
    for one in ranked(candidates, goals):
        if not any(all(is_no_dearer(held, one, goal) for goal in prices) for held in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: [one.value(goal) for goal in (*prices, score)])


def ranked(candidates: Iterable[Mean], goals: Sequence[Objective]) -> list[Mean]:
    """Return the best score first, of equal ones the cheapest."""
    score = score_among(goals)
    order = [score, *(goal for goal in goals if goal is not score)]
    return sorted(candidates, key=lambda one: [one.value(goal) for goal in order])


def is_no_dearer(one: Mean, other: Mean, goal: Objective) -> bool:
    """Tell whether the first costs no more than the second, as far as costs can be told apart."""
    bound = other.value(goal)
    return one.value(goal) <= bound + RESOLUTION * abs(bound)


def score_among(goals: Sequence[Objective]) -> Objective:
    """Return the objective that is trained for; without one, the first."""
    return next((goal for goal in goals if goal.metric not in CHEAP), goals[0])
