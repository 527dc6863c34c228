"""Rows at equal cost: each is brought to what the full one costs, so that no one pays more."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import islice
from typing import Any

from search.ablation import Elsewhere, Planned, costed, said
from search.experiment import Experiment, resolved
from search.survey import RESOLUTION, names
from spaces import Architecture, Space, choice
from spaces.fit import solve
from spaces.labels import Label
from spaces.tree import Fit
from trials.recipe import Recipe
from trials.speed import speed

TRIES = {"macs": 5_000, "params": 5_000, "latency": 20}
"""What rows can be matched by, and how many combinations of a row's own numbers are tried."""
TOLERANCE = 0.05
"""A row that stays further away is not trained."""
WIDTHS = ("planes", "width")
"""What backbones call their width."""
COARSE = 8
"""Widths are tried in such steps, then one by one around the nearest."""
STEPS = 32
"""How many widths there are from none to a fractional one."""


def at_equal_cost(
    experiment: Experiment, rows: Sequence[Planned], metric: str, device: str = "auto"
) -> list[Planned]:
    """Bring every row to the cost of the first; a baseline stays beside as it is written."""
    match = Match(experiment, rows[0].architecture, metric, device)
    found = [rows[0]]
    for row in rows[1:]:
        equal = row if row.refusal else match(row)
        found += [row, equal] if row.name and equal != row else [equal]
    return found


@dataclass(frozen=True)
class Match:
    """Brings one row after another to what `full` costs.

    First by the numbers that the row brings along, such as a reduction; where these do not reach,
    by the width of the network.
    """

    experiment: Experiment
    full: Architecture
    metric: str
    device: str
    _latencies: dict[str, float] = field(default_factory=dict)

    @cached_property
    def target(self) -> float:
        """What the full row costs."""
        return self.figure(self.full)

    def figure(self, architecture: Architecture) -> float:
        """Return what an architecture costs; a ValueError says why it is refused."""
        if self.metric == "latency":
            # measured once: a second time would come out a little otherwise
            network = repr(architecture.network)
            if network not in self._latencies:
                found = speed(architecture.network, self.experiment.shape, 1, self.device)
                self._latencies[network] = found.latency
            return self._latencies[network]
        return float(getattr(self.experiment.cost(architecture), self.metric))

    def __call__(self, row: Planned) -> Planned:
        """Return the row at equal cost, or with the reason why there is none."""
        for step in (self.as_it_is, self.by_numbers, self.by_width):
            row, distance = step(row)
            if abs(distance) <= RESOLUTION:
                return row
        if abs(distance) <= TOLERANCE:
            return row
        words = f"it stays {distance:+.1%} from the {self.metric} of the full row"
        return replace(row, refusal=words)

    def as_it_is(self, row: Planned) -> tuple[Planned, float]:
        """Return a row and how far it is off."""
        return row, self.figure(row.architecture) / self.target - 1

    def by_numbers(self, row: Planned) -> tuple[Planned, float]:
        """Set the numbers that the full architecture has none of."""
        offered = self.experiment.space.labels
        free = [
            name
            for name in row.architecture.choices
            if name not in self.full.choices and all(map(is_number, offered.get(name, [None])))
        ]
        if row.name or not free:
            return self.as_it_is(row)
        tries = self.experiment.space.varied(free, row.architecture.choices)
        labelled = {str(one.choices): one for one in islice(tries, TRIES[self.metric])}
        nearest = labelled[str(self.solved(list(labelled), lambda label: labelled[str(label)]))]
        return self.as_it_is(costed(self.experiment, replace(row, architecture=nearest)))

    def by_width(self, row: Planned) -> tuple[Planned, float]:
        """Set the width of the network, where its backbone has one that is not searched."""
        network = row.architecture.network
        name, now = width_of(network)
        if not now or any(name == path.split(".")[0] for path in self.experiment.space.labels):
            return self.as_it_is(row)
        widths = widths_around(now)

        def widened(width: Label) -> Architecture:
            return next(iter(at_width(row.architecture, name, width)))

        near = widths.index(self.solved(widths[::COARSE], widened))
        width = self.solved(widths[max(0, near - COARSE) : near + COARSE + 1], widened)
        if width == now:
            return self.as_it_is(row)
        space = at_width(row.architecture, name, width)
        words = f"{row.title}, {said(name, width)}"
        choices = {} if row.name else row.architecture.choices
        made = replace(
            row,
            words=words,
            name=f"{row.name or names(row.architecture)} at {said(name, width)}",
            architecture=next(iter(space)),
            opened=(),
            of=Elsewhere(space, row.name, choices, self.changed(name, width)),
        )
        return self.as_it_is(costed(self.experiment, made))

    def solved(self, labels: Sequence[Label], made: Callable[[Label], Architecture]) -> Label:
        """Return the label whose network comes closest to the full one's cost."""
        options = tuple((label, None) for label in labels)
        fit = Fit(options, None, self.metric, self.target, TOLERANCE)
        label, _ = solve("", fit, labels, self.target, lambda label: self.figure(made(label)))
        return label

    def changed(self, name: str, width: Label) -> dict[str, Any]:
        """Return the field of the recipe that gives every network of the file this width."""
        recipe = resolved(self.experiment.recipe_value) or Recipe()
        return {"overrides": {**recipe.overrides, name: width}}


def width_of(network: partial[Any]) -> tuple[str, int | float]:
    """Return what a network's backbone calls its width, and how wide it is; 0 for none."""
    parameters = inspect.signature(network.func).parameters
    for name in WIDTHS:
        default = parameters[name].default if name in parameters else None
        width = network.keywords.get(name, default)
        if type(width) is int or type(width) is float:
            return name, width
    return "", 0


def widths_around(width: int | float) -> list[Label]:
    """Return widths from half to double."""
    if isinstance(width, int):
        return list(range(max(1, width // 2), 2 * width + 1))
    return [round(width * step / STEPS, 4) for step in range(STEPS // 2, 2 * STEPS + 1)]


def at_width(architecture: Architecture, name: str, width: Label) -> Space:
    """Return the space of the one network of a width, which is its label."""
    network = architecture.network
    return Space(network.func, *network.args, **{**network.keywords, name: choice(width)})


def is_number(label: object) -> bool:
    """Tell whether an option is a number."""
    return type(label) is int or type(label) is float
