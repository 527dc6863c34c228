"""Names beside points, as many as do not lie on each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import unescape
from re import sub

from search.figures.style import BLUE, ORANGE, Drawn, brief, scaled, shown
from search.findings import Findings
from search.rows import Mean

NAMED = 8
"""How many points of the front may have their choices written beside them."""

LETTER, LINE = 0.55, 1.3
"""How wide a letter and how high a line are, for each pixel of the letters' size."""

Box = tuple[float, float, float, float]


def labels(findings: Findings, best: Sequence[Mean], price: str) -> list[Drawn]:
    """Name points of the front: the best first, the cheapest, then those between."""
    last = len(best) - 1
    places = [last, 0, *(round(last * step / NAMED) for step in range(1, NAMED))] if best else []
    return [
        {
            "x": best[place].figures[price],
            "y": scaled(findings, best[place].mean),
            "text": brief(findings.told_apart(best[place].choices)),
            "showarrow": False,
            # up and to the left of a front nothing ever lies
            "xanchor": "right",
            "yanchor": "bottom",
            "xshift": -5,
            "yshift": 3,
            "font": {"size": 12, "color": BLUE},
        }
        for place in dict.fromkeys(places)
    ]


def names(findings: Findings, baselines: Sequence[Mean], price: str) -> list[Drawn]:
    """Name the baselines, below their points."""
    return [
        {
            "x": mean.figures[price],
            "y": scaled(findings, mean.mean),
            "text": f"<b>{shown(mean.name, 30)}</b>",
            "showarrow": False,
            "xanchor": "left",
            "yanchor": "top",
            "xshift": 8,
            "yshift": -2,
            "font": {"size": 12, "color": ORANGE},
        }
        for mean in baselines
    ]


def clear(notes: Iterable[Drawn], layout: Drawn, width: float, height: float) -> list[Drawn]:
    """Keep the names that are clear of those before them and of the edges.

    Width and height are of the axes, in pixels.
    """
    notes = list(notes)
    highest = max((note["y"] for note in notes), default=0.0)
    kept: list[Drawn] = []
    taken: list[Box] = []
    for note in notes:
        # to the right of the highest nothing is above it either
        for tried in [note, flipped(note)][: 1 + (note["y"] == highest)]:
            found = box(tried, layout, width, height)
            inside = found[0] >= 0 and found[1] <= width
            if inside and not any(overlap(found, other) for other in taken):
                kept.append(tried)
                taken.append(found)
                break
    return kept


def flipped(note: Drawn) -> Drawn:
    """Return a name on the other side of its point."""
    side = {"left": "right", "right": "left"}[note["xanchor"]]
    return {**note, "xanchor": side, "xshift": -note["xshift"]}


def box(note: Drawn, layout: Drawn, width: float, height: float) -> Box:
    """Return left, right, bottom and top of a name in pixels."""
    size = note["font"]["size"]
    wide = LETTER * size * len(unescape(sub("<.*?>", "", note["text"])))
    x = share(note["x"], layout["xaxis"]) * width + note["xshift"]
    y = share(note["y"], layout["yaxis"]) * height + note["yshift"]
    left = x - wide if note["xanchor"] == "right" else x
    bottom = y if note["yanchor"] == "bottom" else y - LINE * size
    return left, left + wide, bottom, bottom + LINE * size


def share(value: float, axis: Drawn) -> float:
    """Return where on an axis a value lies."""
    if "range" not in axis:
        return 0.5
    low, high = axis["range"]
    return float((value - low) / (high - low))


def overlap(one: Box, other: Box) -> bool:
    """Tell whether two boxes have something in common."""
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
