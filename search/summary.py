"""What a run has come to, in a table: the front and the baselines, with what each costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from search.objectives import objective
from search.rows import Mean
from search.study import Study
from spaces import SpaceError
from trials.price import Prices
from trials.profilers import PROFILERS, ProfilerError

COUNTED = ("params", "macs", *PROFILERS)


@dataclass(frozen=True)
class Line:
    """An architecture or a baseline with its scores and all its figures."""

    mean: Mean
    figures: dict[str, float]
    is_front: bool


def summary(study: Study) -> list[Line]:
    """Return the baselines, then the front from the cheapest on."""
    profilers = {name: Prices(study.experiment.shape, run=run) for name, run in PROFILERS.items()}
    front = study.front()
    rows = [mean for mean in study.means() if mean.name] + front
    return [Line(mean, figures(study, mean, profilers), not mean.name) for mean in rows]


def figures(study: Study, mean: Mean, profilers: dict[str, Prices]) -> dict[str, float]:
    """Return what was counted and measured, and what the profilers of the papers count."""
    found = dict(mean.figures)
    for name, price in profilers.items():
        if name not in found:
            try:
                found[name] = price(study.architecture(mean).network).macs
            except (ValueError, SpaceError, ProfilerError):
                # refused by a profiler, or a network that the space file does not name
                continue
    return found


def as_text(study: Study, lines: list[Line]) -> Iterator[str]:
    """Yield the table a person reads."""
    metric = next((line.mean.metric for line in lines), "accuracy")
    measured = [
        name
        for name in dict.fromkeys(name for line in lines for name in line.figures)
        if name not in (*COUNTED, "activations")
    ]
    head = [metric, *COUNTED, *measured, ""]
    rows = [head]
    for line in lines:
        cells = [f"{line.figures[name]:,.6g}" if name in measured else whole(line, name)
                 for name in (*COUNTED, *measured)]  # fmt: skip
        rows.append([score(line.mean), *cells, titled(line.mean)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        *numbers, name = row
        cells = [cell.rjust(width) for cell, width in zip(numbers, widths, strict=False)]
        yield "  ".join([*cells, name]).rstrip()


def whole(line: Line, name: str) -> str:
    """Write a counted figure; a dash where a profiler gives none."""
    return f"{line.figures[name]:,}" if name in line.figures else "-"


def score(mean: Mean) -> str:
    """Write a score with its spread over seeds."""
    spread = "" if mean.std is None else f" ± {mean.std:.4f}"
    return f"{mean.mean:.4f}{spread}"


def titled(mean: Mean) -> str:
    """Name a row."""
    choices = " ".join(f"{name}={label}" for name, label in mean.choices.items())
    seeds = f"  ({mean.n} seeds)" if mean.n > 1 else ""
    return f"{mean.name or choices or 'the only architecture'}{seeds}"


def document(study: Study, lines: list[Line]) -> dict[str, Any]:
    """Return the table as plain data."""
    goals = [objective(text) for text in study.experiment.objectives]
    return {
        "study": study.name,
        "space": study.experiment.name,
        "recipe": study.experiment.recipe,
        "preview": study.experiment.is_preview,
        "objectives": {goal.metric: goal.direction for goal in goals},
        "counts": dict(study.counts()),
        "baselines": [entry(line) for line in lines if not line.is_front],
        "front": [entry(line) for line in lines if line.is_front],
    }


def entry(line: Line) -> dict[str, Any]:
    """Return a row as plain data."""
    mean = line.mean
    return {
        **({"name": mean.name} if mean.name else {}),
        "choices": dict(mean.choices),
        "metric": mean.metric,
        "mean": mean.mean,
        "std": mean.std,
        "seeds": mean.n,
        "scores": list(mean.scores),
        "trials": list(mean.numbers),
        **line.figures,
    }
