"""What each choice does to the score, and which share of the differences it explains."""

from __future__ import annotations

from typing import Any

from search.amounts import plain
from search.effects import Effect, effects, noise
from search.figures.style import (
    BLUE,
    FAINT,
    INK,
    SOFT,
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

PANELS, BARS = 4, 16
TOGETHER = "They varied together with others in these trials, so causes cannot be told apart"


def main_effects(findings: Findings) -> Picture:
    """Draw the mean score of every option, for the choices that explain most."""
    title = "What each option does"
    found = found_effects(findings)[:PANELS]
    if not found:
        return Picture(title, silence(findings))
    width = 1 / len(found)
    # the headings of the panels stand where other figures have a legend
    frame = layout(findings.stamps, legend={"orientation": "h", "font": {}})
    traces = []
    for place, one in enumerate(found):
        suffix = str(place + 1) if place else ""
        start, end = place * width + 0.012 * (place > 0), (place + 1) * width - 0.012
        frame[f"xaxis{suffix}"] = axis(
            shown(one.choice, 28), type="category", domain=[start, end], showgrid=False
        )
        frame["annotations"].append(heading(one, (start + end) / 2))
        traces.append(panel(findings, one, suffix))
    frame["yaxis"] = axis(score_title(findings))
    caption = (
        f"Mean over the architectures with each option, of {len(findings.candidates):,}; "
        "bars are standard errors."
    )
    return Picture(title, f"{caption}{warning(found)}", {"data": traces, "layout": frame})


def panel(findings: Findings, one: Effect, suffix: str) -> Drawn:
    """Return one choice's options."""
    numbers = all(isinstance(level.label, int | float) for level in one.levels)
    return {
        "type": "scatter",
        # between options without an order there is no line
        "mode": "lines+markers" if numbers else "markers",
        "xaxis": f"x{suffix}",
        "yaxis": "y",
        "x": [shown(plain(level.label), 16) for level in one.levels],
        "y": [scaled(findings, level.mean) for level in one.levels],
        "error_y": {
            "array": [scaled(findings, level.error or 0.0) for level in one.levels],
            "color": BLUE,
            "thickness": 1.2,
            "width": 3,
        },
        "line": {"color": FAINT, "width": 1.5},
        "marker": {"color": BLUE, "size": 9, "line": {"color": "white", "width": 1}},
        "hovertext": [
            f"{shown(one.choice)} {shown(plain(level.label))}<br>"
            f"<b>{scored(findings, level.mean)}</b> over {level.n} architectures"
            for level in one.levels
        ],
        "hoverinfo": "text",
    }


def heading(one: Effect, x: float) -> dict[str, Any]:
    """Return what stands over a panel."""
    return {
        "text": f"explains {one.alone:.0%}",
        "xref": "paper",
        "yref": "paper",
        "x": x,
        "y": 1,
        "xanchor": "center",
        "yanchor": "bottom",
        "yshift": 4,
        "showarrow": False,
        "font": {"size": 12, "color": SOFT},
    }


def importance(findings: Findings) -> Picture:
    """Draw which share of the variance between architectures each choice explains."""
    title = "What matters"
    found = found_effects(findings)[:BARS][::-1]
    if not found:
        return Picture(title, silence(findings))
    names = [f"{shown(one.choice, 30)}  <b>{one.alone:.0%}</b> " for one in found]
    alone = {
        "type": "bar",
        "orientation": "h",
        "name": "alone",
        "y": names,
        "x": [one.alone for one in found],
        "marker": {"color": BLUE},
        "width": 0.55,
        "hovertext": [spelled(one) for one in found],
        "hoverinfo": "text",
    }
    beyond = marks("beyond all others", names, [one.beyond for one in found], "line-ns", INK)
    chance = marks("by chance", names, [one.chance for one in found], "circle", SOFT)
    frame = layout(
        findings.stamps,
        xaxis=axis("share of the variance explained", tickformat=".0%"),
        yaxis=axis("", ticks="", showgrid=False, type="category"),
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"color": SOFT}},
    )
    frame["xaxis"]["range"] = [0, max(0.2, *(1.15 * max(one.alone, one.chance) for one in found))]
    words = (
        f"Over {len(findings.candidates):,} architectures: what the means of its options explain. "
        "What is left is how choices act together, and seeds."
    )
    if (share := noise(findings.candidates)) is not None:
        words += f" Seeds alone would make {share:.0%} of the differences."
    drawn = {"data": [alone, beyond, chance], "layout": frame}
    return Picture(title, f"{words}{warning(found)}", drawn)


def marks(
    name: str, names: list[str], shares: list[float | None], symbol: str, colour: str
) -> Drawn:
    """Return a mark on each bar that has one."""
    held = [(name, share) for name, share in zip(names, shares, strict=True) if share is not None]
    line = {"color": colour, "width": 2 if symbol == "line-ns" else 1.3}
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "y": [name for name, _ in held],
        "x": [share for _, share in held],
        "marker": {
            "symbol": symbol,
            "size": 16 if symbol == "line-ns" else 8,
            "color": "white",
            "line": line,
        },
        "hoverinfo": "skip",
    }


def spelled(one: Effect) -> str:
    """Return the shares of a choice in words."""
    lines = [f"<b>{shown(one.choice)}</b>", f"explains {one.alone:.1%} alone"]
    if one.beyond is not None:
        lines.append(f"adds {one.beyond:.1%} beyond all others")
    lines.append(f"{len(one.levels)} meaningless options would explain {one.chance:.1%}")
    lines.append(f"over {one.n} architectures that have it")
    return "<br>".join(lines)


def found_effects(findings: Findings) -> list[Effect]:
    """Return the effects where there is something to compare."""
    if len(findings.candidates) < 3:
        return []
    return effects(findings.candidates, findings.experiment.space.labels)


def silence(findings: Findings) -> str:
    """Say why there is no effect to draw."""
    if len(findings.candidates) < 3:
        count = len(findings.candidates)
        return findings.absence or (
            f"{count} architecture{'s' * (count != 1)} trained to the end; it takes three to tell "
            "what a choice does."
        )
    return "All architectures that trained to the end have the same choices."


def warning(found: list[Effect]) -> str:
    """Name the choices whose effects may be another's."""
    names = ", ".join(shown(one.choice) for one in found if one.is_confounded)
    if not names:
        return ""
    return f" {names}: explained alone and beyond the others differ by more than 10 %. {TOGETHER}."
