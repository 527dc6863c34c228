"""Which place took which module, along the front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search.amounts import amount, plain
from search.figures.style import GRID, TINTS, Picture, axis, layout, scored, shown
from search.findings import Findings
from search.rows import Mean
from spaces.labels import Label

TITLE = "What went where"
MOST = 14
"""How many architectures of the front are still readable."""


def places(findings: Findings) -> Picture:
    """Draw the front's architectures as rows and the places they decide as columns."""
    columns = alike(findings.experiment.space.labels)
    if not columns:
        return Picture(TITLE, "This space has no two places that choose among the same options.")
    if not findings.front:
        return Picture(TITLE, findings.absence)
    held = thinned(findings.front)[::-1]
    options = [plain(label) for label in findings.experiment.space.labels[columns[0]]]
    table = [[cell(mean, name) for name in columns] for mean in held]
    shades = [
        GRID if option == "–" else TINTS[place % len(TINTS)] for place, option in enumerate(options)
    ]
    scale = []
    for place, shade in enumerate(shades):
        scale += [[place / len(shades), shade], [(place + 1) / len(shades), shade]]
    trace = {
        "type": "heatmap",
        "x": [shown(tail(name), 20) for name in columns],
        "y": [line(findings, mean) for mean in held],
        "z": [[options.index(one) if one in options else None for one in row] for row in table],
        "zmin": -0.5,
        "zmax": len(options) - 0.5,
        "text": [[shown(one, 14) for one in row] for row in table],
        "texttemplate": "%{text}",
        "textfont": {"size": 12, "color": "#1b2733"},
        "hovertemplate": "%{y}<br>%{x}: <b>%{text}</b><extra></extra>",
        "colorscale": scale,
        "showscale": False,
        "xgap": 3,
        "ygap": 3,
    }
    bare = {"type": "category", "showgrid": False, "showline": False, "ticks": ""}
    frame = layout(
        findings.stamps,
        xaxis=axis(shown(columns[0].partition(".")[0]), **bare),
        yaxis=axis("", **bare),
        height=110 + 34 * len(held),
    )
    cut = (
        f" {len(held)} of its {len(findings.front)} rows."
        if len(held) < len(findings.front)
        else ""
    )
    caption = f"The front, the cheapest at the top; a dash is a place that stays empty.{cut}"
    return Picture(TITLE, caption, {"data": [trace], "layout": frame})


def alike(labels: Mapping[str, Sequence[Label]]) -> list[str]:
    """Return the choices that offer the same at different places of one site."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for name, offered in labels.items():
        site = name.partition(".")[0]
        if site != "recipe" and "." in name:
            groups.setdefault((site, name.count("."), tuple(offered)), []).append(name)
    several = [names for names in groups.values() if len(names) > 1]
    return min(several, key=lambda names: (names[0].count("."), -len(names)), default=[])


def thinned(means: Sequence[Mean]) -> list[Mean]:
    """Keep both ends and what lies evenly between."""
    if len(means) <= MOST:
        return list(means)
    return [means[round(place * (len(means) - 1) / (MOST - 1))] for place in range(MOST)]


def cell(mean: Mean, name: str) -> str:
    """Return what a place took; nothing where the choice does not exist."""
    return plain(mean.choices[name]) if name in mean.choices else ""


def tail(name: str) -> str:
    """Return a place without its site."""
    return name.partition(".")[2]


def line(findings: Findings, mean: Mean) -> str:
    """Return what stands before a row; its trial's number tells it from any other."""
    price = findings.prices[0]
    cost = amount(price, mean.figures[price])
    return f"{cost}   <b>{scored(findings, mean.mean, 1)}</b>   #{mean.numbers[0]}"
