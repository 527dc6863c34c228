"""What a space holds and costs, found out without training anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from itertools import islice
from random import Random
from typing import Protocol

from torch import nn

from search.experiment import Experiment
from spaces import Architecture, Space, SpaceError
from spaces.labels import Label
from trials.cost import Cost
from trials.price import Prices
from trials.probe import ShapeError
from trials.profilers import PROFILERS, difference
from trials.speed import Speed, speed

LISTED = 100_000
DRAWN = 20_000
PER_PLACE = 5_000
RESOLUTION = 0.01

Costed = list[tuple[Architecture, Cost]]


@dataclass(frozen=True)
class Row:
    """A network and its figures; `remarks` say where a profiler's differ, and why."""

    name: str
    choices: Mapping[str, Label]
    key: str
    figures: Mapping[str, int]
    network: Callable[[], nn.Module]
    remarks: tuple[str, ...] = ()
    speed: Speed | None = None


@dataclass(frozen=True)
class Option:
    """What one option of a choice costs where all else stays, or why it is refused."""

    choice: str
    label: Label
    cost: Cost | None
    refusal: str = ""


@dataclass
class Survey:
    """What `search show` prints; `costs` are of the whole space, or of what was drawn from it."""

    experiment: Experiment
    size: int
    valid: int | None = None
    allowed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    baselines: list[Row] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Tell whether every architecture was looked at."""
        return self.size <= LISTED


def survey(experiment: Experiment, everything: bool = False) -> Survey:
    """Look at a whole space, or at what is drawn from it, and at each option in its place."""
    found = Survey(experiment, experiment.space.size)
    if everything and not found.is_whole:
        raise SpaceError(
            f"--all lists up to {LISTED:,} architectures and this space has {found.size:,}"
        )
    profilers = {name: Prices(experiment.shape, run=run) for name, run in PROFILERS.items()}
    found.baselines = [
        row(name, next(iter(baseline)), experiment, profilers)
        for name, baseline in experiment.baselines.items()
    ]
    costed = cost_all(found, drawn(experiment.space, found.is_whole))
    try_places(found, costed[0][0])
    found.valid = valid_size(found, costed[0][0])
    allowed = within_limits(experiment, costed)
    found.allowed = len(allowed)
    chosen = allowed if everything else extremes(allowed, found.baselines)
    found.rows = [
        row(names(architecture), architecture, experiment, profilers) for architecture, _ in chosen
    ]
    return found


def measured(found: Survey, device: str, batch: int) -> None:
    """Measure latency and peak memory of what is listed, one network after another."""

    def with_speed(row: Row) -> Row:
        try:
            return replace(row, speed=speed(row.network, found.experiment.shape, batch, device))
        except ValueError as error:
            raise SpaceError(str(error)) from None

    found.baselines = [with_speed(row) for row in found.baselines]
    found.rows = [with_speed(row) for row in found.rows]


def drawn(space: Space, whole: bool) -> Iterable[Architecture]:
    """Return every architecture of a small space, a sample of a large one."""
    random = Random(0)
    return space if whole else (space.draw(random) for _ in range(DRAWN))


def cost_all(found: Survey, architectures: Iterable[Architecture]) -> Costed:
    """Cost what can be built, and count what is refused by its reason."""
    costed = []
    for architecture in architectures:
        try:
            costed.append((architecture, found.experiment.cost(architecture)))
        except ShapeError as error:
            raise SpaceError(str(error)) from None
        except ValueError as error:
            found.refused[str(error)] += 1
    if not costed:
        reason, _ = found.refused.most_common(1)[0]
        raise SpaceError(f"no architecture of this space can be built: {reason}")
    found.costs = [cost for _, cost in costed]
    return costed


def try_places(found: Survey, around: Architecture) -> None:
    """Try every option at its place, the other places standing still."""
    space = found.experiment.space
    for place in space.places:
        seen: dict[tuple[str, Label], Option] = {}
        for architecture in islice(space.varied(place, around.choices), PER_PLACE):
            option = tried(found, architecture)
            for name, label in architecture.choices.items():
                first = seen.get((name, label))
                if name in place and (first is None or (first.refusal and not option.refusal)):
                    seen[name, label] = Option(name, label, option.cost, option.refusal)
        met = {(option.choice, option.label) for option in found.options}
        found.options += [option for key, option in seen.items() if key not in met]


def valid_size(found: Survey, around: Architecture) -> int | None:
    """Return how many architectures can be built, or None where it cannot be told.

    Places that bear on different parts of the network do not know each other, so what is valid at
    each multiplies; those that share a part are tried together. A fit depends on every place.
    """
    space = found.experiment.space
    if found.is_whole:
        return len(found.costs)
    if sum(map(len, space.places)) > len(space.labels) or len(space.labels) < len(space.decisions):
        return None
    valid = 1
    for place in joined(space.places, found.experiment.prices.together(around.network)):
        tries = list(islice(space.varied(place, around.choices), PER_PLACE + 1))
        if len(tries) > PER_PLACE:
            return None
        valid *= sum(not tried(found, architecture).refusal for architecture in tries)
    return valid


def joined(places: list[Set[str]], together: list[list[str]]) -> list[Set[str]]:
    """Unite the places whose paths are named together."""
    for paths in together:
        shared = [place for place in places if any(lies_at(place, path) for path in paths)]
        if len(shared) > 1:
            rest = [place for place in places if place not in shared]
            places = [*rest, set().union(*shared)]
    return places


def lies_at(place: Set[str], path: str) -> bool:
    """Tell whether a place decides what stands at a path."""
    return any(name == path or name.startswith(f"{path}.") for name in place)


def tried(found: Survey, architecture: Architecture) -> Option:
    """Cost one architecture or keep the reason."""
    try:
        return Option("", None, found.experiment.cost(architecture))
    except ShapeError as error:
        raise SpaceError(str(error)) from None
    except ValueError as error:
        if not found.is_whole and str(error) not in found.refused:
            found.refused[str(error)] = 0
        return Option("", None, None, str(error))


def within_limits(experiment: Experiment, costed: Costed) -> Costed:
    """Keep what the limits allow."""
    for limit in experiment.limits:
        kept = [pair for pair in costed if limit.allows(getattr(pair[1], limit.metric))]
        if not kept:
            figures = [getattr(cost, limit.metric) for _, cost in costed]
            raise SpaceError(
                f"no architecture keeps {limit}; {limit.metric} lies between {min(figures):,} "
                f"and {max(figures):,}"
            )
        costed = kept
    return costed


def extremes(costed: Costed, baselines: list[Row]) -> Costed:
    """Return the cheapest, what comes closest to each baseline, and the dearest."""
    ranked = sorted(costed, key=lambda pair: (pair[1].macs, pair[1].params))
    closest = [
        min(ranked, key=lambda pair: abs(pair[1].macs - baseline.figures["macs"]))
        for baseline in baselines
    ]
    chosen = {
        architecture.key: (architecture, cost)
        for architecture, cost in [
            ranked[0],
            *sorted(closest, key=lambda pair: pair[1].macs),
            ranked[-1],
        ]
    }
    return list(chosen.values())


def row(
    name: str,
    architecture: Architecture,
    experiment: Experiment,
    profilers: Mapping[str, Prices],
) -> Row:
    """Return every static figure of an architecture."""
    cost = experiment.cost(architecture)
    counted = {name: price(architecture.network).macs for name, price in profilers.items()}
    remarks = (difference(name, figure, cost.macs) for name, figure in counted.items())
    figures = {"params": cost.params, "macs": cost.macs, "activations": cost.activations}
    return Row(
        name,
        architecture.choices,
        architecture.key,
        {**figures, **counted},
        architecture.network,
        tuple(remark for remark in remarks if remark),
    )


class Chosen(Protocol):
    """Anything that has been chosen: an architecture, or a row about one."""

    @property
    def choices(self) -> Mapping[str, Label]:
        """The labels by name."""


def names(architecture: Chosen) -> str:
    """Write an architecture's choices in one line."""
    return " ".join(f"{name}={label}" for name, label in architecture.choices.items()) or "(fixed)"
