"""What the study had found after so many epochs of training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from statistics import fmean

from search.amounts import TITLES, amount
from search.figures.style import (
    BLUE,
    Drawn,
    Picture,
    axis,
    layout,
    scaled,
    score_title,
    scored,
    shown,
)
from search.findings import Findings
from search.hypervolume import hypervolume
from search.objectives import Objective
from search.rows import Mean

TITLE = "Progress"
STEPS = 100
"""At how many moments the front is looked at."""
BEYOND = 0.1
"""How far the reference lies past the worst that was seen, as a share of what was seen."""


def progress(findings: Findings) -> Picture:
    """Draw the hypervolume over epochs spent; the best score, where that is the only objective."""
    if not findings.candidates:
        return Picture(TITLE, findings.absence)
    return volume(findings) if len(findings.goals) > 1 else best_so_far(findings)


def volume(findings: Findings) -> Picture:
    """Draw the share of a box that the front dominates."""
    ends = [extremes(findings, goal) for goal in findings.goals]
    reference = [high for _, high in ends]
    box = prod(high - low for low, high in ends)
    held = {mean.key: mean for mean in findings.candidates}
    x, y = [0], [0.0]
    for spent, scores in moments(findings):
        points = [values(findings, held[key], score) for key, score in scores.items()]
        x.append(spent)
        y.append(hypervolume(points, reference) / box)
    corner = ", ".join(
        spelled(findings, goal, high) for goal, high in zip(findings.goals, reference, strict=True)
    )
    caption = (
        f"The box lies between the best value of each objective and {corner}: a tenth beyond the "
        "worst seen. Means over the seeds there were at the time, so it can fall."
    )
    trace = line(x, y, "%{x} epochs: %{y:.1%}<extra></extra>")
    look = {"tickformat": ".0%", "rangemode": "tozero"}
    return picture(findings, trace, caption, axis("hypervolume, share of the box", **look))


def best_so_far(findings: Findings) -> Picture:
    """Draw the best mean score."""
    best = max if findings.score.direction == "maximize" else min
    found = [(spent, best(scores.values())) for spent, scores in moments(findings)]
    x = [spent for spent, _ in found]
    y = [scaled(findings, score) for _, score in found]
    caption = "The only objective. Means over the seeds there were at the time, so it can fall."
    trace = line(x, y, "%{x} epochs: %{y:.4~g}<extra></extra>")
    return picture(findings, trace, caption, axis(f"best {score_title(findings)} so far"))


def moments(findings: Findings) -> Iterator[tuple[int, Mapping[str, float]]]:
    """Yield the epochs spent and every architecture's mean score then, at even steps."""
    keys = {mean.key for mean in findings.candidates}
    rows = [row for row in findings.rows if not row.name and row.curve]
    every = max(1, len(rows) // STEPS)
    scores: dict[str, list[float]] = {}
    spent = 0
    for place, row in enumerate(rows, 1):
        spent += len(row.curve)
        if row.score is not None and row.key in keys:
            scores.setdefault(row.key, []).append(row.score)
        if scores and (place % every == 0 or place == len(rows)):
            yield spent, {key: fmean(held) for key, held in scores.items()}


def values(findings: Findings, mean: Mean, score: float) -> list[float]:
    """Return a point of the objectives by its score at the time; less is better."""
    sign = 1 if findings.score.direction == "minimize" else -1
    return [sign * score if goal == findings.score else mean.value(goal) for goal in findings.goals]


def extremes(findings: Findings, goal: Objective) -> tuple[float, float]:
    """Return the best value of an objective, and one a little past the worst."""
    held = [mean.value(goal) for mean in findings.candidates]
    low, high = min(held), max(held)
    return low, high + BEYOND * ((high - low) or abs(high) or 1.0)


def spelled(findings: Findings, goal: Objective, high: float) -> str:
    """Return one coordinate of the reference in words."""
    figure = high if goal.direction == "minimize" else -high
    if goal.metric in TITLES:
        return f"{amount(goal.metric, figure)} {TITLES[goal.metric].partition(' (')[0]}"
    return f"{scored(findings, figure)} {shown(goal.metric)}"


def line(x: Sequence[int], y: Sequence[float], hover: str) -> Drawn:
    """Return a curve that stays as it is until something is found."""
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(x) < 3 else "lines",
        "x": x,
        "y": y,
        "line": {"color": BLUE, "width": 2, "shape": "hv"},
        "hovertemplate": hover,
    }


def picture(findings: Findings, trace: Drawn, caption: str, vertical: Drawn) -> Picture:
    """Put a curve over the epochs spent."""
    across = axis("epochs spent, over all trainings", rangemode="tozero")
    frame = layout(findings.stamps, xaxis=across, yaxis=vertical)
    return Picture(TITLE, caption, {"data": [trace], "layout": frame})
