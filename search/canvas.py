"""Figures as images by matplotlib, where there is no browser: what our figures are made of."""

from __future__ import annotations

import html
import io
import math
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.ticker import EngFormatter, PercentFormatter

from search.figures.style import Drawn
from search.pictures import KEY

INCH, POINT = 96, 0.75
SYMBOLS = {"circle": "o", "diamond": "D", "x-thin": "x", "line-ns": "|", None: "o"}
FAMILIES = ("Inter", "Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans")
"""What letters are taken from, the last one comes with matplotlib."""
SIDES = {"left": "left", "right": "right", "center": "center", None: "center"}
HEIGHTS = {"top": "top", "bottom": "bottom", "middle": "center", None: "center"}
SETTINGS = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#b9c3cd",
    "axes.linewidth": 0.7,
    "axes.titlesize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "grid.color": "#e9edf1",
    "grid.linewidth": 0.7,
    "legend.fontsize": 7,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}


def images(jobs: Sequence[tuple[Drawn, str]]) -> list[bytes]:
    """Draw figures, each in a format."""
    known = set(get_font_names())
    families = [family for family in FAMILIES if family in known]
    settings: Any = {**SETTINGS, "font.family": families}
    with mpl.rc_context(settings):
        return [image(drawn, format_) for drawn, format_ in jobs]


def image(drawn: Drawn, format_: str) -> bytes:
    """Draw one figure."""
    layout = drawn["layout"]
    size = (layout["width"] / INCH, layout["height"] / INCH)
    figure = Figure(figsize=size, layout="constrained")
    suffixes = [name.removeprefix("xaxis") for name in layout if name.startswith("xaxis")]
    panels = figure.subplots(1, len(suffixes), sharey=True, squeeze=False)[0]
    axes = dict(zip(suffixes, panels, strict=True))
    for suffix, panel in axes.items():
        frame(panel, layout[f"xaxis{suffix}"], layout["yaxis"], is_first=not suffix)
    for trace in drawn["data"]:
        panel = axes[trace.get("xaxis", "x").removeprefix("x")]
        PAINTERS[trace["type"]](panel, trace)
    for panel, place in zip(panels, suffixes, strict=True):
        limits(panel, layout[f"xaxis{place}"])
    remarks(figure, list(axes.values()), layout)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=format_, dpi=400)
    return buffer.getvalue()


def frame(panel: Axes, across: Drawn, up: Drawn, is_first: bool) -> None:
    """Set titles, grid and the way numbers are written."""
    panel.set_xlabel(text(across["title"]["text"]))
    if is_first:
        panel.set_ylabel(text(up["title"]["text"]))
    panel.set_axisbelow(True)
    for axis, look in ((panel.xaxis, across), (panel.yaxis, up)):
        axis.grid(look.get("showgrid", True))
        if look.get("tickformat") == "~s":
            axis.set_major_formatter(EngFormatter(unit=look.get("ticksuffix", ""), sep=""))
        elif look.get("tickformat") == ".0%":
            axis.set_major_formatter(PercentFormatter(1, decimals=0))
        if not look.get("showline", True):
            axis.set_tick_params(length=0)


def limits(panel: Axes, across: Drawn) -> None:
    """Set the range that a figure asks for."""
    if span := across.get("range"):
        panel.set_xlim(*span)
    if across.get("rangemode") == "tozero":
        panel.set_xlim(left=0)


def scatter(panel: Axes, trace: Drawn) -> None:
    """Draw points, lines, and bars of error."""
    x = [math.nan if one is None else one for one in trace["x"]]
    y = [math.nan if one is None else one for one in trace["y"]]
    line, marker = trace.get("line", {}), trace.get("marker", {})
    mode = trace["mode"]
    if "lines" in mode:
        stepped: Any = {"drawstyle": "steps-post"} if line.get("shape") == "hv" else {}
        width = line.get("width", 1) * POINT
        panel.plot(x, y, color=line["color"], linewidth=width, zorder=2, **stepped)
    if bars := trace.get("error_y"):
        look = {"ecolor": bars["color"], "elinewidth": 0.8, "capsize": 1.5}
        lengths = [one or 0.0 for one in bars["array"]]
        panel.errorbar(x, y, lengths, fmt="none", zorder=2.5, **look)
    if "markers" not in mode:
        return
    size = marker.get("size", 6)
    edge = marker.get("line", {})
    symbol = SYMBOLS[marker.get("symbol")]
    color = edge.get("color") if symbol in "x|" else marker.get("color")
    panel.scatter(
        x,
        y,
        s=[(one * POINT) ** 2 for one in (size if isinstance(size, list) else [size] * len(x))],
        c=color,
        marker=symbol,
        linewidths=edge.get("width", 0) * POINT,
        edgecolors=None if symbol in "x|" else edge.get("color", "none"),
        label=trace.get("name"),
        zorder=3,
    )


def bar(panel: Axes, trace: Drawn) -> None:
    """Draw bars to the right."""
    names = [text(name) for name in trace["y"]]
    panel.barh(
        trace["y"], trace["x"], trace["width"], color=trace["marker"]["color"], label=trace["name"]
    )
    panel.set_yticks(range(len(names)), names)


def heatmap(panel: Axes, trace: Drawn) -> None:
    """Draw cells with what is written in them."""
    shades = LinearSegmentedColormap.from_list("shades", trace["colorscale"])
    cells = [[math.nan if one is None else one for one in row] for row in trace["z"]]
    flat = [one for row in cells for one in row if not math.isnan(one)]
    low, high = trace.get("zmin", min(flat)), trace.get("zmax", max(flat))
    panel.pcolormesh(cells, cmap=shades, vmin=low, vmax=high, edgecolors="white", linewidth=1.5)
    for y, row in enumerate(cells):
        for x, value in enumerate(row):
            share = 0.0 if math.isnan(value) or high == low else (value - low) / (high - low)
            red, green, blue, _ = shades(share)
            is_dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.55 and not math.isnan(value)
            color = "white" if is_dark else "#1b2733"
            told = text(trace["text"][y][x])
            panel.text(x + 0.5, y + 0.5, told, ha="center", va="center", color=color, size=7)
    panel.set_xticks([place + 0.5 for place in range(len(trace["x"]))], map(text, trace["x"]))
    panel.set_yticks([place + 0.5 for place in range(len(trace["y"]))], map(text, trace["y"]))
    panel.spines[:].set_visible(False)


PAINTERS = {"scatter": scatter, "bar": bar, "heatmap": heatmap}


def remarks(figure: Figure, panels: Sequence[Axes], layout: Drawn) -> None:
    """Write names beside points, headings above panels, and stamps at the top right."""
    headings = [note for note in layout["annotations"] if note.get("xanchor") == "center"]
    for panel, note in zip(panels, headings, strict=False):
        panel.set_title(text(note["text"]), color=note["font"]["color"], fontsize=7)
    for note in layout["annotations"]:
        if note.get("xref") != "paper":
            panels[0].annotate(
                text(note["text"]),
                (note["x"], note["y"]),
                (note.get("xshift", 0) * POINT, note.get("yshift", 0) * POINT),
                textcoords="offset points",
                ha=SIDES[note.get("xanchor")],
                va=HEIGHTS[note.get("yanchor")],
                color=note["font"]["color"],
                fontsize=6.5,
                fontweight="bold" if "<b>" in note["text"] else "normal",
            )
        elif note not in headings and note.get("name") != KEY:
            figure.suptitle(text(note["text"]), x=0.99, ha="right", fontsize=7)
            figure.texts[-1].set_color(note["font"]["color"])
    if any(note.get("name") == KEY for note in layout["annotations"]):
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 4, "frameon": False}
        look = {"borderpad": 0.1, "handletextpad": 0.2, "columnspacing": 0.9}
        panels[0].legend(**place, **look)


def text(label: object) -> str:
    """Return what plotly would show, without its markup; a dollar sign is no formula."""
    return html.unescape(re.sub(r"</?b>|<br>", " ", str(label))).strip().replace("$", r"\$")
