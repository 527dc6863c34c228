"""What an ablation came to: every row beside the full one, as a table for a paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from search.ablation import Planned
from search.experiment import Experiment
from search.findings import Findings
from search.inference import Comparison, Difference, compare
from search.rows import Mean, Row, means
from search.tables import HEADS, Table, as_csv, figure, unit

PRICES = ("params", "macs")
CONFIDENCE = 0.95
UNFINISHED = ("running", "interrupted")


@dataclass(frozen=True)
class Ablated:
    """A plan and the trainings that it shares with a study; only its own seeds count."""

    experiment: Experiment
    plan: Sequence[Planned]
    trained: Sequence[Row]
    seeds: tuple[int, ...]

    @cached_property
    def rows(self) -> list[Row]:
        """The trainings of the plan."""
        wanted = {row.identity for row in self.plan}
        return [row for row in self.trained if row.identity in wanted and row.seed in self.seeds]

    @cached_property
    def means(self) -> Mapping[str, Mean]:
        """The rows that have scores, by identity."""
        return {mean.name or mean.key: mean for mean in means(self.rows)}

    @cached_property
    def findings(self) -> Findings:
        """The plan's trainings as a report reads them."""
        return Findings(self.experiment, "", tuple(self.rows))

    @cached_property
    def comparison(self) -> Comparison | None:
        """Every row against the full one; None before that one is trained."""
        scores: dict[str, dict[int, float]] = {}
        for row in self.rows:
            if row.score is not None:
                scores.setdefault(row.identity, {})[row.seed] = row.score
        full = self.plan[0].identity
        return compare(scores, full, CONFIDENCE) if full in scores else None

    def missing(self) -> list[tuple[Planned, int]]:
        """Return the trainings that are still to be done, as rows with their seeds.

        What has failed once is not tried again.
        """
        over = [row for row in self.rows if row.status not in UNFINISHED]
        there = {(row.identity, row.seed) for row in over}
        failed = {row.identity for row in over if row.status != "complete"}
        return [
            (row, seed)
            for row in self.plan
            for seed in self.seeds
            if not row.refusal and row.identity not in failed
            if (row.identity, seed) not in there
        ]

    def difference(self, row: Planned) -> Difference | None:
        """Return how a row differs from the full one."""
        return self.comparison.differences.get(row.identity) if self.comparison else None

    def reason(self, row: Planned) -> str:
        """Say why a row has no score."""
        failed = (one.reason for one in self.rows if one.identity == row.identity and one.reason)
        return row.refusal or next(failed, "not trained")


def table(held: Ablated) -> Table:
    """Return the table: costs, mean ± std, the difference to the full row with its interval."""
    score = held.findings.score
    scale = Scale(score.metric)
    units = {metric: unit(metric, list(held.means.values())) for metric in PRICES}
    heads = (
        "",
        *(f"{HEADS[metric]}{told}" for metric, (_, told) in units.items()),
        scale.head,
        "Difference",
        f"{CONFIDENCE:.0%} interval",
        "p",
        "Seeds",
    )
    sizes = {metric: size for metric, (size, _) in units.items()}
    rows = tuple(cells(held, row, scale, sizes) for row in held.plan)
    values = [
        mean.value(score) if (mean := held.means.get(row.identity)) else None for row in held.plan
    ]
    known = [value for value in values if value is not None]
    column = 1 + len(PRICES)
    best = frozenset((row, column) for row, one in enumerate(values) if known and one == min(known))
    return Table(heads, rows, best, tuple(notes(held, scale)))


@dataclass(frozen=True)
class Scale:
    """How a metric is printed: an accuracy in percent, anything else as it is."""

    metric: str

    @property
    def head(self) -> str:
        """The head of its column."""
        return "Accuracy (%)" if self.metric == "accuracy" else self.metric

    def __call__(self, figure: float, sign: str = "") -> str:
        """Print a score, or a difference with its sign."""
        if self.metric == "accuracy":
            return f"{100 * figure:{sign}.2f}"
        return f"{figure:{sign}.4f}"


def cells(held: Ablated, row: Planned, scale: Scale, sizes: Mapping[str, float]) -> tuple[str, ...]:
    """Return a row of the table; what is not known stays empty."""
    figures = {} if row.cost is None else {name: getattr(row.cost, name) for name in PRICES}
    prices = [figure(metric, figures, size) for metric, size in sizes.items()]
    mean = held.means.get(row.identity)
    if mean is None:
        return (row.title, *prices, "", "", "", "", "0")
    spread = "" if mean.std is None else f" ± {scale(mean.std)}"
    one = held.difference(row) or Difference(mean.n)
    interval = one.interval and f"[{scale(one.interval.low, '+')}, {scale(one.interval.high, '+')}]"
    return (
        row.title,
        *prices,
        f"{scale(mean.mean)}{spread}",
        "" if one.estimate is None else scale(one.estimate, "+"),
        interval or "",
        "" if one.joint_chance is None else chance(one.joint_chance),
        str(mean.n),
    )


def chance(share: float) -> str:
    """Print how often as much is seen where there is nothing."""
    return "<0.001" if share < 0.001 else f"{share:.3f}"


def notes(held: Ablated, scale: Scale) -> Iterable[str]:
    """Yield what has to be read with the table."""
    yield from held.findings.stamps
    found = held.comparison
    if found and found.residual is not None:
        unit = " points" if scale.metric == "accuracy" else ""
        yield (
            "differences to the first row in a model of rows and seeds; t-intervals from one "
            f"residual of {scale(found.residual)}{unit} with {found.freedom} "
            f"degree{'s' * (found.freedom > 1)} of freedom"
        )
        yield "p of all comparisons with the first row jointly (Dunnett)"
        if found.detectable is not None:
            yield (
                f"these seeds show effects from {scale(found.detectable)}{unit} on, "
                "four times in five"
            )
    elif found:
        yield "without a second seed no noise is known: the differences may be chance"
    for row in held.plan:
        if row.identity not in held.means:
            yield f"{row.title}: {held.reason(row)}"


def csv(held: Ablated) -> str:
    """Return the table as CSV, with all digits and both kinds of intervals."""
    heads = ["row", "kind", "name", "choices", *PRICES, "mean", "std", "seeds", "difference"]
    ends = ["low", "high", "p", "joint_low", "joint_high", "joint_p", "detectable", "remark"]
    return as_csv([*heads, *ends], (line(held, row).values() for row in held.plan))


def document(held: Ablated) -> dict[str, Any]:
    """Return the table as plain data."""
    found = held.comparison
    return {
        "space": held.experiment.name,
        "recipe": held.experiment.recipe,
        "seeds": list(held.seeds),
        "residual": found and found.residual,
        "freedom": found and found.freedom,
        "confidence": CONFIDENCE,
        "rows": [{**line(held, row), "choices": choices_of(row)} for row in held.plan],
    }


def line(held: Ablated, row: Planned) -> dict[str, Any]:
    """Return everything that is known of a row."""
    mean, one = held.means.get(row.identity), held.difference(row) or Difference(0)
    choices = " ".join(f"{name}={label}" for name, label in choices_of(row).items())
    return {
        "row": row.title,
        "kind": row.kind,
        "name": row.name,
        "choices": choices,
        **{name: None if row.cost is None else getattr(row.cost, name) for name in PRICES},
        "mean": mean and mean.mean,
        "std": mean and mean.std,
        "seeds": mean.n if mean else 0,
        "difference": one.estimate,
        "low": one.interval and one.interval.low,
        "high": one.interval and one.interval.high,
        "p": one.chance,
        "joint_low": one.joint_interval and one.joint_interval.low,
        "joint_high": one.joint_interval and one.joint_interval.high,
        "joint_p": one.joint_chance,
        "detectable": one.detectable,
        "remark": "" if mean else held.reason(row),
    }


def choices_of(row: Planned) -> dict[str, Any]:
    """Return the labels of a row, with its width where that is not the space's."""
    return {**(row.of.choices if row.of else {}), **row.architecture.choices}
