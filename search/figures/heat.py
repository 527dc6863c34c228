"""The mean score over two choices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

from search.amounts import plain
from search.effects import effects
from search.figures.style import SHADES, Picture, axis, layout, scaled, score_title, scored, shown
from search.findings import Findings
from spaces import SpaceError
from spaces.labels import Label, near

TITLE = "Two choices together"
MOST = 16
"""How many options of a choice are still readable."""


def heat(findings: Findings, picked: Sequence[str] = ()) -> Picture:
    """Draw the score over two choices, the picked ones or those that explain most."""
    pair = tuple(checked(findings, picked)) or first_pair(findings)
    held = [mean for mean in findings.candidates if all(name in mean.choices for name in pair)]
    if not pair or not held:
        return Picture(TITLE, findings.absence or "No two choices have been tried together.")
    x, y = pair
    columns, rows = (levels(findings, name) for name in pair)
    cells = {
        (row, column): [m.mean for m in held if (m.choices[y], m.choices[x]) == (row, column)]
        for row in rows
        for column in columns
    }
    table = [[cells[row, column] for column in columns] for row in rows]
    text = [[scored(findings, fmean(cell), 1) if cell else "" for cell in row] for row in table]
    trace = {
        "type": "heatmap",
        "x": [shown(plain(label), 24) for label in columns],
        "y": [shown(plain(label), 24) for label in rows],
        "z": [[scaled(findings, fmean(cell)) if cell else None for cell in row] for row in table],
        "text": [[cell.removesuffix(" %") for cell in row] for row in text],
        "texttemplate": "%{text}",
        "textfont": {"size": 13},
        "customdata": [[len(cell) for cell in row] for row in table],
        "hovertemplate": f"{shown(x)} %{{x}}<br>{shown(y)} %{{y}}<br><b>%{{z:.4~g}}</b> over "
        "%{customdata} architectures<extra></extra>",
        "colorscale": [[step / (len(SHADES) - 1), shade] for step, shade in enumerate(SHADES)],
        "xgap": 2,
        "ygap": 2,
        "showscale": False,
    }
    bare = {"type": "category", "showgrid": False, "showline": False, "ticks": ""}
    frame = layout(
        findings.stamps,
        xaxis=axis(shown(x), **bare),
        yaxis=axis(shown(y), **bare),
    )
    each = sorted({len(cell) for cell in cells.values() if cell})
    over = f"{each[0]} to {each[-1]}" if len(each) > 1 else f"{each[0]}"
    untried = sum(not cell for cell in cells.values())
    caption = f"Mean {score_title(findings)} of {over} architecture{'s' * (each != [1])} a cell"
    caption += f"; {untried} of {len(cells)} were not tried." if untried else "."
    return Picture(TITLE, caption, {"data": [trace], "layout": frame})


def first_pair(findings: Findings) -> tuple[str, ...]:
    """Return the two choices that explain most, as far as they can be read."""
    labels = findings.experiment.space.labels
    ranked = [one.choice for one in effects(findings.candidates, labels) if len(one.levels) <= MOST]
    pairs = combinations(ranked, 2)
    together = (
        pair
        for pair in pairs
        if sum(set(pair) <= mean.choices.keys() for mean in findings.candidates) > 1
    )
    return next(together, ())


def checked(findings: Findings, picked: Sequence[str]) -> Sequence[str]:
    """Refuse what is no choice of the space."""
    labels = findings.experiment.space.labels
    for name in picked:
        if name not in labels:
            raise SpaceError(f"no choice {name!r} in this space{near(name, labels)}")
    return picked


def levels(findings: Findings, name: str) -> list[Label]:
    """Return the options of a choice that were taken, in the order of the space."""
    taken = {mean.choices[name] for mean in findings.candidates if name in mean.choices}
    return [label for label in findings.experiment.space.labels[name] if label in taken]
