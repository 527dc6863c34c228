"""Figures as SVG, PDF and PNG, in the width of a paper's column."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from search import browser
from search.figures.names import clear
from search.figures.style import Drawn
from search.run_folder import replace
from spaces import SpaceError
from spaces.labels import near

FORMATS = ("svg", "pdf", "png")
WIDTH, HEIGHT = 318, 236
"""84 mm at 96 pixels an inch, and what looks right beside it."""
PANEL = 0.62
"""How much smaller marks are than on a screen."""
AXES = (258.0, 165.0)
"""How large the axes are, in pixels."""
LEFT = 0.12
"""How much more room names need beside the cheapest, as a share of the axis."""
WORDS, SMALL = 10.5, 9.5
"""Sizes of letters in pixels: 8 and 7 points on paper."""

KEY = "key"
SIGNS = {"diamond": "◆", "x-thin": "×", "line-ns": "|"}

Job = tuple[Drawn, str]
"""A figure, and the format it is to be drawn in."""


def check_formats(formats: Iterable[str]) -> None:
    """Refuse a format that nobody can write."""
    for name in formats:
        if name not in FORMATS:
            hint = near(name, FORMATS) or f"; it is one of {', '.join(FORMATS)}"
            raise SpaceError(f"pictures as {name!r} are not known{hint}")


def save(figures: Mapping[str, Drawn], folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write figures by name in every format; return the files."""
    jobs = {
        folder / f"{name}.{format_}": (narrow(drawn), format_)
        for name, drawn in figures.items()
        for format_ in dict.fromkeys(formats)
    }
    for path, content in zip(jobs, images(list(jobs.values())), strict=True):
        replace(path, content)
    return list(jobs)


def images(jobs: Sequence[Job]) -> list[bytes]:
    """Draw with a browser, with matplotlib where there is none; say what both lack."""
    if not jobs:
        return []
    try:
        return browser.images(jobs)
    except Exception as error:  # whatever a browser may lack or complain of
        lacking = (str(error).strip().splitlines() or [type(error).__name__])[0]
    try:
        from search import canvas
    except ImportError:
        raise SpaceError(
            f"pictures need a browser or matplotlib, and neither is here ({lacking}): "
            "pip install matplotlib, or pip install kaleido beside Chrome or Chromium; "
            "without --format the page and the tables are written"
        ) from None
    print(f"drawing with matplotlib, there is no browser: {lacking}", file=sys.stderr)
    return canvas.images(jobs)


def narrow(drawn: Drawn) -> Drawn:
    """Return a figure at the width of a column, with letters that can be read there."""
    held: Drawn = copy.deepcopy(drawn)
    layout = held["layout"]
    layout |= {"width": WIDTH, "height": HEIGHT}
    layout["font"] = {**layout["font"], "size": WORDS}
    margin = layout["margin"]
    layout["margin"] = {"l": 8, "r": 0.7 * margin["r"], "t": 0.7 * margin["t"], "b": 8}
    for name, axis in layout.items():
        if name.startswith(("xaxis", "yaxis")):
            axis["title"] = {**axis["title"], "standoff": 4}
            axis["title"]["font"] = {**axis["title"]["font"], "size": WORDS, "color": "#1b2733"}
            axis["tickfont"] = {**axis["tickfont"], "size": SMALL, "color": "#1b2733"}
            axis["nticks"] = 6
    for note in layout["annotations"]:
        note["font"] = {**note["font"], "size": SMALL}
        if note.get("xref") == "paper":
            note["yshift"] *= 0.7
    if layout["showlegend"]:
        layout["showlegend"] = False
        layout["annotations"].append(legend(held["data"]))
    beside = [note for note in layout["annotations"] if note.get("xref") != "paper"]
    if "range" in layout["xaxis"] and "range" in layout["yaxis"]:
        low, high = layout["xaxis"]["range"]
        layout["xaxis"]["range"] = [low - LEFT * (high - low), high]
        beside = clear(beside, layout, *AXES)
    fixed = [note for note in layout["annotations"] if note.get("xref") == "paper"]
    layout["annotations"] = [*fixed, *beside]
    for trace in held["data"]:
        thin(trace)
    return held


def legend(traces: Sequence[Drawn]) -> Drawn:
    """Return a legend in one line; plotly's own would take several."""
    parts = [
        f'<span style="color:{colour(trace)}">{sign(trace)}</span> {trace["name"]}'
        for trace in traces
        if trace.get("showlegend", True)
    ]
    return {
        "name": KEY,
        "text": "   ".join(parts),
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 2,
        "showarrow": False,
        "font": {"size": SMALL, "color": "#1b2733"},
    }


def colour(trace: Drawn) -> str:
    """Return the colour that tells a trace from others: a hollow mark has its edge's."""
    marker = trace["marker"]
    return str(marker["line"]["color"] if marker["color"] == "white" else marker["color"])


def sign(trace: Drawn) -> str:
    """Return the mark of a trace as a letter."""
    if trace["type"] == "bar":
        return "■"
    marker = trace["marker"]
    hollow = marker["color"] == "white"
    return SIGNS.get(marker.get("symbol", ""), "○" if hollow else "●")


def thin(trace: Drawn) -> None:
    """Make marks smaller, and leave away what only a pointer shows."""
    for name in ("hovertext", "customdata", "hovertemplate"):
        trace.pop(name, None)
    marker: dict[str, Any] = trace.get("marker", {})
    size = marker.get("size")
    if isinstance(size, list):
        marker["size"] = [one * PANEL for one in size]
    elif size:
        marker["size"] = size * PANEL
    if bars := trace.get("error_y"):
        bars["width"] *= PANEL
    if isinstance(trace.get("textfont"), dict):
        trace["textfont"] = {**trace["textfont"], "size": SMALL}
