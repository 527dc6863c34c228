"""The score after every epoch of the trainings."""

from __future__ import annotations

import math
from collections.abc import Sequence

from search.figures.style import (
    BLUE,
    FAINT,
    ORANGE,
    Drawn,
    Picture,
    axis,
    layout,
    scaled,
    score_title,
    scored,
    shown,
    words,
)
from search.findings import Findings
from search.rows import Row

TITLE = "Training curves"
BEHIND = 120
"""How many curves that nobody asks for are drawn in grey."""


def curves(findings: Findings) -> Picture:
    """Draw the best architecture and the baselines over all others."""
    drawn = [row for row in findings.rows if any(math.isfinite(one.score) for one in row.curve)]
    if not drawn:
        return Picture(TITLE, "No training has got through an epoch yet.")
    best = findings.best
    named = [row for row in drawn if row.name]
    first = [row for row in drawn if best and not row.name and row.key == best.key]
    shown_ones = {row.number for row in [*named, *first]}
    rest = [row for row in drawn if row.number not in shown_ones]
    behind = rest[:: math.ceil(len(rest) / BEHIND)] if rest else []
    traces = [
        group(findings, behind, "all others", FAINT, 1.0),
        group(findings, named, "baselines", ORANGE, 1.8),
        group(findings, first, "best", BLUE, 2.4),
    ]
    notes = [
        end(findings, row, shown(row.name, 24), ORANGE)
        for row in {row.name: row for row in named}.values()
    ]
    if first:
        notes.append(
            end(findings, first[-1], words(findings.told_apart(first[-1].choices), 22), BLUE)
        )
    most = max(len(row.curve) for row in drawn)
    frame = layout(
        findings.stamps,
        xaxis=axis("epoch", range=[min(1, most - 1), most], **({"dtick": 1} if most < 10 else {})),
        yaxis=axis(score_title(findings)),
        annotations=apart(notes),
    )
    frame["margin"] = {**frame["margin"], "r": 170}
    stopped = sum(row.status == "stopped" for row in drawn)
    caption = f"One line a training, {len(drawn):,} in all"
    caption += f", {len(behind):,} of {len(rest):,} others drawn" if len(behind) < len(rest) else ""
    caption += f"; {stopped:,} were stopped early" if stopped else ""
    return Picture(
        TITLE,
        f"{caption}. The score that counts is the last epoch's, not the best one's.",
        {"data": [trace for trace in traces if trace["x"]], "layout": frame},
    )


def group(findings: Findings, rows: Sequence[Row], name: str, colour: str, width: float) -> Drawn:
    """Return curves of one kind as one line with gaps."""
    x: list[int | None] = []
    y: list[float | None] = []
    text: list[str] = []
    for row in rows:
        about = f"#{row.number} {shown(row.name, 30) if row.name else words(row.choices)}"
        for one in row.curve:
            if math.isfinite(one.score):
                x.append(one.number)
                y.append(scaled(findings, one.score))
                text.append(
                    f"{about}, seed {row.seed}<br>epoch {one.number}: {scored(findings, one.score)}"
                )
        x.append(None)
        y.append(None)
        text.append("")
    short = any(len(row.curve) == 1 for row in rows)
    return {
        "type": "scatter",
        "mode": "lines+markers" if short else "lines",
        "name": name,
        "x": x,
        "y": y,
        "hovertext": text,
        "hoverinfo": "text",
        "line": {"color": colour, "width": width},
        "marker": {"color": colour, "size": 4},
    }


def end(findings: Findings, row: Row, text: str, colour: str) -> Drawn:
    """Return a name at the end of a curve."""
    last = next(one for one in reversed(row.curve) if math.isfinite(one.score))
    return {
        "x": last.number,
        "y": scaled(findings, last.score),
        "text": text,
        "showarrow": False,
        "xanchor": "left",
        "xshift": 6,
        "font": {"size": 12, "color": colour},
    }


def apart(notes: list[Drawn]) -> list[Drawn]:
    """Lift names off those that they would lie on."""
    if not notes:
        return []
    ordered = sorted(notes, key=lambda note: note["y"])
    close = 0.07 * (ordered[-1]["y"] or 1.0)
    lifted, level = [], ordered[0]["y"] - close
    for note in ordered:
        level = max(note["y"], level + close)
        lifted.append({**note, "yshift": round(260 * (level - note["y"]) / (close / 0.07))})
    return lifted
