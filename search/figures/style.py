"""How every figure looks: colours, axes, stamps, and words that are safe to show."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from search.amounts import TITLES, UNITS, amount, plain
from search.findings import Findings
from search.rows import Mean
from search.stamps import ON_TEST
from spaces.labels import Label

INK, SOFT, FAINT, GRID = "#1b2733", "#5b6b7b", "#b9c3cd", "#e9edf1"
BLUE, ORANGE = "#1f5fa8", "#c8551b"
SHADES = ("#eef3f9", "#c6d9ec", "#8db3d9", "#4c84bd", "#1f5fa8")
TINTS = ("#cfe0f1", "#f6d9c6", "#cfe8dc", "#e2d5ee", "#f2e6bd", "#dfe4e9", "#f5cfd6", "#c9e8ea")
FONT = "Inter, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"
LETTERS = 60
"""How much of a name is shown."""

Drawn = dict[str, Any]
"""A figure as plotly.js takes it: data and layout."""


@dataclass(frozen=True)
class Picture:
    """A figure with its heading and what is to be said below it; without one, why there is none."""

    title: str
    caption: str
    drawn: Drawn | None = None


def shown(value: object, most: int = LETTERS) -> str:
    """Return a name as plotly may show it: short, in one line, without markup of its own."""
    text = re.sub(r"[\x00-\x1f\x7f-\x9f]+", " ", str(value)[: most + 1])
    return html.escape(text if len(text) <= most else text[: most - 1] + "…", quote=False)


def scored(findings: Findings, score: float | None, decimals: int = 2) -> str:
    """Return a score as it reads: an accuracy in percent."""
    if score is None:
        return "–"
    if findings.score.metric == "accuracy":
        return f"{100 * score:.{decimals}f} %"
    return f"{score:.4g}"


def scaled(findings: Findings, score: float) -> float:
    """Return a score as it is drawn."""
    return 100 * score if findings.score.metric == "accuracy" else score


def score_title(findings: Findings) -> str:
    """Return the title of the axis of scores, which says what they were taken on."""
    split = "test" if ON_TEST in findings.stamps else "validation"
    if findings.score.metric == "accuracy":
        return f"{split} accuracy (%)"
    less = ", less is better" if findings.score.direction == "minimize" else ""
    return f"{split} {shown(findings.score.metric)}{less}"


def words(choices: Mapping[str, Label], most: int = 40) -> str:
    """Return choices in a few words, by the last word of each name where that is enough."""
    tails = [name.rpartition(".")[2] for name in choices]
    if len(choices) > 2 and len({name.partition(".")[0] for name in choices}) == 1:
        text = " · ".join(plain(label) for label in choices.values())
    elif len(set(tails)) == len(tails):
        text = " · ".join(
            f"{tail} {plain(label)}" for tail, label in zip(tails, choices.values(), strict=True)
        )
    else:
        text = " · ".join(f"{name} {plain(label)}" for name, label in choices.items())
    return shown(text or "the only architecture", most)


def brief(choices: Mapping[str, Label], most: int = 34) -> str:
    """Return what was chosen, without its names."""
    return shown(" · ".join(map(plain, choices.values())) or "the only architecture", most)


def key(choices: Mapping[str, Label]) -> str:
    """Return the names that belong to what was chosen, where they are few."""
    tails = [name.rpartition(".")[2] for name in choices]
    sites = {name.partition(".")[0] for name in choices}
    text = " · ".join(tails) if len(tails) <= 3 else " · ".join(sorted(sites))
    return shown(text, 30)


def told(findings: Findings, mean: Mean, most: int = 12) -> str:
    """Return what appears beside the pointer: name, choices, score, costs, trials."""
    lines = [f"<b>{shown(mean.name)}</b>"] if mean.name else []
    lines += [f"{shown(name)} {shown(plain(it))}" for name, it in [*mean.choices.items()][:most]]
    if len(mean.choices) > most:
        lines.append(f"and {len(mean.choices) - most} more")
    spread = f" ± {scored(findings, mean.std)}" if mean.std is not None else ""
    seeds = f"{mean.n} seeds" if mean.n > 1 else "1 seed"
    lines.append(f"<b>{scored(findings, mean.mean)}{spread}</b> ({seeds})")
    lines += [
        f"{TITLES[metric].partition(' (')[0]} {amount(metric, mean.figures[metric])}"
        for metric in findings.prices[:4]
        if metric in mean.figures
    ]
    numbers = ", ".join(f"#{number}" for number in mean.numbers[:5])
    return "<br>".join([*lines, f"trial {numbers}{', …' if mean.n > 5 else ''}"])


def layout(stamps: Sequence[str], x: str = "", y: str = "", **more: Any) -> Drawn:
    """Return the frame of a figure; what is to stand on everything stands at its top right."""
    notes = list(more.pop("annotations", ()))
    lines = 1 + bool(stamps and more.get("legend", {}).get("orientation") == "h")
    if stamps:
        notes.append(
            {
                "text": f"<b>{' · '.join(stamps)}</b>",
                "xref": "paper",
                "yref": "paper",
                "x": 1,
                "y": 1,
                "xanchor": "right",
                "yanchor": "bottom",
                "yshift": 6 + 20 * (lines - 1),
                "showarrow": False,
                "font": {"size": 11, "color": ORANGE},
            }
        )
    frame = {
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "margin": {"l": 62, "r": 24, "t": 18 + 22 * lines, "b": 54},
        "hoverlabel": {"bgcolor": "white", "bordercolor": FAINT, "align": "left"},
        "showlegend": False,
        "xaxis": axis(x),
        "yaxis": axis(y),
        "annotations": notes,
    }
    return {**frame, **more}


def axis(title: str, **more: Any) -> Drawn:
    """Return an axis: a thin line, pale grid, its title in grey."""
    look = {
        "title": {"text": title, "font": {"size": 13, "color": SOFT}, "standoff": 10},
        "gridcolor": GRID,
        "linecolor": FAINT,
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": FAINT,
        "tickfont": {"size": 12, "color": SOFT},
        "automargin": True,
    }
    return {**look, **more}


def price_axis(metric: str, span: list[float] | None) -> Drawn:
    """Return the axis of a cost, by itself or over a range."""
    look: Drawn = {"tickformat": "~s"}
    if metric in UNITS:
        look["ticksuffix"] = UNITS[metric]
    if span:
        look["range"] = span
    return axis(TITLES[metric], **look)
