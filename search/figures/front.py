"""The front: score against a price, with what spread there is, and what papers print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from search.amounts import TITLES, amount
from search.figures.names import clear, labels, names
from search.figures.style import (
    BLUE,
    FAINT,
    ORANGE,
    SOFT,
    Drawn,
    Picture,
    axis,
    key,
    layout,
    price_axis,
    scaled,
    score_title,
    scored,
    shown,
    told,
)
from search.findings import Findings
from search.published import Point
from search.rows import Mean

LEFT = 0.16
"""How much room for names there is beside the cheapest, as a share of the span of prices."""
AXES = (980.0, 390.0)
"""How large the axes are on the page, in pixels."""
SMALLEST, LARGEST = 7.0, 22.0
MOST = 1500
"""How many architectures behind the front are drawn."""
WITH_BARS = 200
"""Beyond so many architectures only the front and the baselines have error bars."""


def front(findings: Findings, price: str = "") -> Picture:
    """Draw the architectures by score and price; a price that nobody asked for is MACs."""
    title = "Accuracy and price" if findings.score.metric == "accuracy" else "Score and price"
    if not findings.means:
        return Picture(title, findings.absence)
    price = price or findings.prices[0]
    priced = [mean for mean in findings.means if price in mean.figures]
    best = findings.paired(price)
    chosen = {mean.key for mean in best}
    allowed = {mean.key for mean in findings.candidates}
    space = [mean for mean in priced if not mean.name]
    others = thinned([mean for mean in space if mean.key in allowed and mean.key not in chosen])
    past = thinned([mean for mean in space if mean.key not in allowed])
    baselines = [mean for mean in priced if mean.name]
    size = Sizes(priced)
    near = nearby(findings.published, price, priced)
    bars = len(others) <= WITH_BARS
    traces = [
        points(findings, others, price, size, name="tried", colour=FAINT, bars=bars),
        points(findings, past, price, size, name="past a limit", colour=FAINT, symbol="x-thin"),
        printed(findings, near, price, size),
        steps(findings, best, price),
        points(findings, best, price, size, name=title_of(findings, best), colour=BLUE, bars=True),
        points(
            findings,
            baselines,
            price,
            size,
            name="baseline",
            colour=ORANGE,
            symbol="diamond",
            bars=True,
        ),
    ]
    legend = {
        "orientation": "h",
        "x": 0,
        "y": 1,
        "yanchor": "bottom",
        "xanchor": "left",
        "font": {"size": 12, "color": SOFT},
        "itemsizing": "constant",
        "bgcolor": "rgba(0,0,0,0)",
    }
    frame = layout(
        findings.stamps,
        xaxis=price_axis(price, room(priced, near, price)),
        yaxis=axis(score_title(findings), range=heights(findings, priced, near)),
        showlegend=True,
        legend=legend,
    )
    notes = [*names(findings, baselines, price), *labels(findings, best, price)]
    frame["annotations"] += clear(notes, frame, *AXES)
    drawn = {"data": [trace for trace in traces if trace["x"]], "layout": frame}
    return Picture(title, caption(findings, price, best, near, size), drawn)


class Sizes:
    """How large a point is: its area goes with the parameters."""

    def __init__(self, means: Sequence[Mean]) -> None:
        self.held = [mean.figures["params"] for mean in means if mean.figures.get("params")]

    def __call__(self, figures: Any) -> float:
        """Return the diameter in pixels."""
        params = figures.get("params")
        if not params or not self.held:
            return SMALLEST
        return max(SMALLEST, min(LARGEST, LARGEST * math.sqrt(params / max(self.held)) * 0.72))


def points(
    findings: Findings,
    means: Sequence[Mean],
    price: str,
    size: Sizes,
    *,
    name: str,
    colour: str,
    symbol: str = "circle",
    bars: bool = False,
) -> Drawn:
    """Return one kind of points."""
    trace: Drawn = {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [mean.figures[price] for mean in means],
        "y": [scaled(findings, mean.mean) for mean in means],
        "hovertext": [told(findings, mean) for mean in means],
        "hoverinfo": "text",
        "marker": {
            "color": colour,
            "symbol": symbol,
            "size": [round(size(mean.figures), 1) for mean in means],
            "line": {"color": "white" if symbol != "x-thin" else colour, "width": 1.2},
            "opacity": 1,
        },
    }
    if bars and any(mean.std is not None for mean in means):
        trace["error_y"] = {
            "array": [bar(findings, mean.std) for mean in means],
            "color": colour,
            "thickness": 1.2,
            "width": 3,
        }
    return trace


def bar(findings: Findings, std: float | None) -> float | None:
    """Return how long a bar is; None draws none."""
    return None if std is None else scaled(findings, std)


def thinned(means: Sequence[Mean]) -> Sequence[Mean]:
    """Keep as many as can be seen apart, evenly."""
    return means[:: math.ceil(len(means) / MOST) or 1]


def title_of(findings: Findings, best: Sequence[Mean]) -> str:
    """Return what the front is called, with the key to the names beside its points."""
    told = findings.told_apart(best[0].choices) if best else {}
    return f"front: {key(told)}" if told else "front"


def room(means: Sequence[Mean], near: Sequence[Point], price: str) -> list[float] | None:
    """Return a range of prices with room for names at its left; None where all are one."""
    figures = [mean.figures[price] for mean in means] + [point.figures[price] for point in near]
    low, high = min(figures), max(figures)
    span = high - low
    return [low - LEFT * span, high + 0.06 * span] if span else None


def heights(findings: Findings, means: Sequence[Mean], near: Sequence[Point]) -> list[float]:
    """Return a range of scores in which all bars end."""
    ends = [
        scaled(findings, score + side * (std or 0.0))
        for score, std in [
            *((mean.mean, mean.std) for mean in means),
            *((point.score, point.std) for point in near),
        ]
        for side in (-1, 1)
    ]
    low, high = min(ends), max(ends)
    span = (high - low) or abs(high) or 1.0
    return [low - 0.08 * span, high + 0.14 * span]


def steps(findings: Findings, best: Sequence[Mean], price: str) -> Drawn:
    """Return the line along the front: what is reached for a price, until the next point."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [mean.figures[price] for mean in best],
        "y": [scaled(findings, mean.mean) for mean in best],
        "line": {"shape": "hv", "color": BLUE, "width": 1.5},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def printed(findings: Findings, near: Sequence[Point], price: str, size: Sizes) -> Drawn:
    """Return the published points, hollow."""
    trace: Drawn = {
        "type": "scatter",
        "mode": "markers",
        "name": "published",
        "x": [point.figures[price] for point in near],
        "y": [scaled(findings, point.score) for point in near],
        "hovertext": [
            f"<b>{shown(point.name)}</b>, published<br>{scored(findings, point.score)}"
            f"<br>{amount(price, point.figures[price])}, our count<br>{shown(point.source, 80)}"
            for point in near
        ],
        "hoverinfo": "text",
        "marker": {
            "color": "white",
            "opacity": 1,
            "size": [round(size(point.figures), 1) for point in near],
            "line": {"color": SOFT, "width": 1.3},
        },
    }
    if any(point.std for point in near):
        bars = [bar(findings, point.std) for point in near]
        trace["error_y"] = {"array": bars, "color": FAINT, "thickness": 1, "width": 2}
    return trace


def nearby(points: Sequence[Point], price: str, means: Sequence[Mean]) -> list[Point]:
    """Return the published points about as dear as ours: others would squeeze the axis."""
    ours = [mean.figures[price] for mean in means]
    if not ours:
        return []
    low, high = min(ours) / 1.5, max(ours) * 1.5
    return [point for point in points if low <= point.figures.get(price, -1) <= high]


def caption(
    findings: Findings, price: str, best: Sequence[Mean], near: Sequence[Point], size: Sizes
) -> str:
    """Say what the marks mean, and over how many seeds."""
    seeds = sorted({mean.n for mean in findings.means})
    several = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
    parts = [
        f"{len(findings.candidates):,} architectures trained to the end; "
        f"{len(best):,} make the front of score and {TITLES[price].partition(' (')[0]}, "
        "where costs within 1 % count as equal."
    ]
    if len(findings.candidates) - len(best) > MOST:
        parts.append("Of those behind it only some are drawn, evenly.")
    if seeds[-1] > 1:
        parts.append(f"Points are means and bars standard deviations over {several} seeds.")
    else:
        parts.append("One seed each: the spread between seeds is not known.")
    if size.held and max(size.held) > 1.02 * min(size.held):
        low, high = (amount("params", end) for end in (min(size.held), max(size.held)))
        parts.append(f"Areas go with the parameters, {low} to {high}.")
    if near:
        parts.append("Hollow points are published accuracies at our own count of the network.")
    if findings.absence:
        parts.append(findings.absence)
    return " ".join(parts)
