"""What came of a study, read without driving it: trainings, means, the front, what was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from search.entry import REFUSALS
from search.experiment import Experiment, resolved
from search.ledger import Ledger
from search.objectives import CHEAP, Objective, objective
from search.published import Point, points
from search.record import title_of
from search.rows import Mean, Row, front, means, row
from search.stamps import stamps
from search.storage import SQLite, database
from spaces import SpaceError
from spaces.labels import Label
from trials.recipe import Recipe


class Told(Protocol):
    """The part of a study that a report reads."""

    experiment: Experiment

    @property
    def name(self) -> str: ...  # noqa: D102
    def rows(self) -> list[Row]: ...  # noqa: D102
    def counts(self) -> Counter[str]: ...  # noqa: D102


@dataclass(frozen=True)
class Findings:
    """A study as it stands; `untrained` counts what took no training, by status and reason."""

    experiment: Experiment
    title: str
    rows: tuple[Row, ...]
    untrained: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @cached_property
    def recipe(self) -> Recipe | None:
        """The recipe, with the first option of each choice in it."""
        return resolved(self.experiment.space.recipe)

    @cached_property
    def stamps(self) -> tuple[str, ...]:
        """What has to stand on everything that is shown of this study."""
        return stamps(self.experiment)

    @cached_property
    def goals(self) -> tuple[Objective, ...]:
        """The objectives."""
        return tuple(objective(text) for text in self.experiment.objectives)

    @cached_property
    def score(self) -> Objective:
        """What is trained for, an objective or not."""
        trained = next((row.metric for row in self.rows), "accuracy")
        found = next((goal for goal in self.goals if goal.metric not in CHEAP), None)
        return found or Objective(trained, "maximize")

    @cached_property
    def prices(self) -> tuple[str, ...]:
        """What architectures can be priced by, the objectives first, then what else is known."""
        known = {metric for mean in self.means for metric in mean.figures}
        asked = [goal.metric for goal in self.goals if goal.metric in CHEAP]
        order = dict.fromkeys([*asked, "macs", "params", "latency", "ptflops", "thop", "memory"])
        return tuple(metric for metric in order if metric in known)

    @cached_property
    def means(self) -> list[Mean]:
        """Each architecture and baseline over the seeds that trained to the end."""
        return means(self.rows)

    @cached_property
    def baselines(self) -> list[Mean]:
        """The baselines among the means."""
        return [mean for mean in self.means if mean.name]

    @cached_property
    def candidates(self) -> list[Mean]:
        """The architectures of the space that keep every limit."""
        limits = self.experiment.limits
        return [mean for mean in self.means if not mean.name and mean.keeps(limits)]

    @cached_property
    def front(self) -> list[Mean]:
        """What no other architecture beats in the objectives, the cheapest first."""
        return front(self.candidates, self.goals)

    @cached_property
    def best(self) -> Mean | None:
        """The architecture with the best score."""
        return min(self.candidates, key=lambda mean: mean.value(self.score), default=None)

    @cached_property
    def varied(self) -> frozenset[str]:
        """The choices that tell the architectures of the space from each other."""
        offered = self.experiment.space.labels
        held = [mean.choices for mean in self.candidates]
        found = {name for name in offered if len({choices.get(name, ...) for choices in held}) > 1}
        return frozenset(found or offered)

    @cached_property
    def published(self) -> tuple[Point, ...]:
        """What papers print of networks on the recipe's own data."""
        return points(self.experiment, self.recipe) if self.recipe else ()

    @cached_property
    def counts(self) -> Counter[str]:
        """All trials by what became of them."""
        found = Counter(row.status for row in self.rows)
        for (status, _), count in self.untrained.items():
            found[status] += count
        return found

    @property
    def absence(self) -> str:
        """Say why there is no architecture to show; nothing if there is one."""
        if self.candidates:
            return ""
        if any(not mean.name for mean in self.means):
            limits = ", ".join(map(str, self.experiment.limits))
            return f"No architecture that trained to the end keeps the limits: {limits}."
        if not any(not row.name for row in self.rows):
            refused = sum(self.untrained.values())
            told = f"; {refused:,} were rejected before training" if refused else ""
            return f"No architecture of the space has been trained yet{told}."
        states = Counter(row.status for row in self.rows if not row.name)
        told = ", ".join(f"{count:,} {status}" for status, count in states.most_common())
        return f"No architecture of the space has trained to the end: {told}."

    def told_apart(self, choices: Mapping[str, Label]) -> dict[str, Label]:
        """Return the choices that others made differently."""
        return {name: label for name, label in choices.items() if name in self.varied}

    def paired(self, price: str) -> list[Mean]:
        """Return the front in score and one price alone, the cheapest first."""
        priced = [mean for mean in self.candidates if price in mean.figures]
        return front(priced, (self.score, Objective(price, "minimize")))


def of(study: Told) -> Findings:
    """Return what an open study has come to."""
    counts = study.counts()
    left = {(status, ""): counts[status] for status in ("duplicate", *REFUSALS) if counts[status]}
    return Findings(study.experiment, study.name, tuple(study.rows()), left)


def read(experiment: Experiment, storage: str, name: str = "") -> Findings:
    """Read the newest study of an experiment, whatever code and data are here now."""
    held = database(storage)
    title = name or title_of(experiment)
    absent = f"{held.shown} holds no study {title!r}; `search run` begins one"
    if isinstance(held, SQLite) and not held.path.exists():
        raise SpaceError(absent)
    ledger = Ledger(held, {})
    try:
        records = ledger.records(title)
        if not records:
            raise SpaceError(absent)
        ledger.enter(next(iter(records)))
        entries = ledger.entries()
    finally:
        ledger.close()
    aside = ("duplicate", *REFUSALS)
    rows = [
        row(entry.number, entry.status, entry.kept, entry.scores)
        for entry in entries
        if entry.status not in aside
    ]
    untrained = Counter(
        (entry.status, str(entry.kept.get("result", {}).get("reason", "")))
        for entry in entries
        if entry.status in aside
    )
    return Findings(experiment, ledger.name, tuple(rows), untrained)
