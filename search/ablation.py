"""The plan of an ablation: the rows that say what each decision of an architecture is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from search.experiment import Experiment
from spaces import Architecture, Space
from spaces.labels import Label
from trials.cost import Cost
from trials.identity import fingerprint

Kind = Literal[
    "full", "left out", "bare", "alone", "put in", "swept", "swapped", "baseline", "front"
]

LEFT_OUT: tuple[Label, ...] = (None, False)
"""The options that say that something is not there."""


@dataclass(frozen=True)
class Elsewhere:
    """A network outside of the space: what `changes`, fields of the recipe, make of another.

    That one is a baseline, or what the choices make of the space.
    """

    space: Space
    baseline: str
    choices: Mapping[str, Label]
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Planned:
    """A row: what it changes in words, and the architecture, or why it is not trained.

    `opened` are the choices that the full row has none of, as of a module that it puts in. `name`
    is a baseline's, or what a network is called that is not in the space.
    """

    kind: Kind
    words: str
    architecture: Architecture
    cost: Cost | None = None
    refusal: str = ""
    name: str = ""
    of: Elsewhere | None = None
    opened: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What it changes, down to the last choice."""
        choices = self.architecture.choices
        return ", ".join([self.words, *(said(name, choices[name]) for name in self.opened)])

    @property
    def identity(self) -> str:
        """What its trainings share in a study."""
        return self.name or self.architecture.key


def plan(experiment: Experiment, around: Mapping[str, Label]) -> list[Planned]:
    """Return the full row, then what is left out, put in, swept and swapped, then the baselines.

    What two rows would be comes once, under the name of a baseline where it is one. Nothing is
    trained.
    """
    full = experiment.space.at(around)
    known = Known(experiment)
    rows: dict[str, Planned] = {}
    for row in [
        Planned("full", "full", full),
        *left_out(experiment.space, full),
        *put_in(experiment.space, full),
        *swept(experiment.space, full),
        *swapped(experiment.space, full),
        *baselines(experiment),
    ]:
        news = () if row.name else (name for name in row.architecture.choices if name not in around)
        named = known.named(costed(experiment, replace(row, opened=tuple(news))))
        rows.setdefault(named.identity, named)
    return list(rows.values())


class Known:
    """The networks of the baselines, to tell a row that is one of them."""

    def __init__(self, experiment: Experiment) -> None:
        self._shape = experiment.shape
        self._baselines = [costed(experiment, row) for row in baselines(experiment)]
        self._prints: dict[str, str] = {}

    def named(self, row: Planned) -> Planned:
        """Return the row as the baseline it is; only what costs the same is looked at.

        What the recipe leaves open is part of a row, and of no baseline.
        """
        if row.name or any(name.startswith("recipe.") for name in row.architecture.choices):
            return row
        for baseline in self._baselines:
            if row.cost == baseline.cost and self._print(row) == self._print(baseline):
                words = f"{row.title} ({baseline.name})"
                return replace(row, words=words, name=baseline.name, opened=())
        return row

    def _print(self, row: Planned) -> str:
        if row.identity not in self._prints:
            build = row.architecture.build
            self._prints[row.identity] = fingerprint(build, self._shape)
        return self._prints[row.identity]


def left_out(space: Space, full: Architecture) -> Iterator[Planned]:
    """Yield the rows without one part, without any, and with one alone."""
    parts = {
        name: absent
        for name, label in full.choices.items()
        if is_there(label) and (absent := absence(space, name)) is not ...
    }
    for name in parts:
        yield Planned("left out", f"without {name}", decided(space, full, {name: parts[name]}))
    yield Planned("bare", "without any of these", decided(space, full, parts))
    for name in parts:
        others = {other: label for other, label in parts.items() if other != name}
        words = f"{said(name, full.choices[name])} alone"
        yield Planned("alone", words, decided(space, full, others))


def put_in(space: Space, full: Architecture) -> Iterator[Planned]:
    """Yield the rows with one part more."""
    for name, label in full.choices.items():
        if name in space.labels and not is_there(label):
            for other in filter(is_there, space.labels[name]):
                changed = decided(space, full, {name: other})
                yield Planned("put in", f"with {said(name, other)}", changed)


def swept(space: Space, full: Architecture) -> Iterator[Planned]:
    """Yield the rows with one decision made otherwise."""
    for name, label in full.choices.items():
        for other in space.labels.get(name, ()):
            if other != label:
                yield Planned("swept", said(name, other), decided(space, full, {name: other}))


def swapped(space: Space, full: Architecture) -> Iterator[Planned]:
    """Yield the rows with one module wherever the full one has any that it could stand for."""
    sites = {
        name: space.labels[name]
        for name, label in full.choices.items()
        if isinstance(label, str) and name in space.labels
    }
    modules = dict.fromkeys(
        label for labels in sites.values() for label in labels if isinstance(label, str)
    )
    for module in modules:
        places: dict[str, Label] = {name: module for name in sites if module in sites[name]}
        if len(places) > 1:
            words = f"{module} at the same places"
            yield Planned("swapped", words, decided(space, full, places))


def baselines(experiment: Experiment) -> Iterator[Planned]:
    """Yield the baselines as the space file has them."""
    for name, baseline in experiment.baselines.items():
        yield Planned("baseline", name, next(iter(baseline)), name=name)


def decided(space: Space, full: Architecture, made: Mapping[str, Label]) -> Architecture:
    """Decide some names otherwise; what this opens takes its first option."""

    def pick(name: str, labels: tuple[Label, ...]) -> Label:
        label = made.get(name, full.choices.get(name, labels[0]))
        return label if label in labels else labels[0]

    return space.sample(pick)


def costed(experiment: Experiment, row: Planned) -> Planned:
    """Add what a row costs, or why it is refused."""
    try:
        cost = experiment.cost(row.architecture)
    except ValueError as error:
        return replace(row, refusal=str(error))
    past = [
        limit
        for limit in experiment.limits
        if hasattr(cost, limit.metric) and not limit.allows(getattr(cost, limit.metric))
    ]
    if past and not row.name:
        return replace(row, cost=cost, refusal=f"past {' and '.join(map(str, past))}")
    return replace(row, cost=cost)


def absence(space: Space, name: str) -> Any:
    """Return the option that leaves a part out, or ... where there is none."""
    return next((label for label in space.labels.get(name, ()) if not is_there(label)), ...)


def is_there(label: Label) -> bool:
    """Tell whether an option is something at all."""
    return not any(label is nothing for nothing in LEFT_OUT)


def said(name: str, label: Label) -> str:
    """Write a decision."""
    return name if label is True else f"{name} = {label}"
