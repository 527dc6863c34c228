"""What a person reads beside a trial in Optuna's dashboard, in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from search.amounts import TITLES, amount, plain
from search.escaped import in_line, in_markdown
from search.rows import Row

BARS = "▁▂▃▄▅▆▇█"
LONGEST = 60
"""How many bars a curve has at most."""
CHOICES = 24


def note(row: Row, stamps: Sequence[str] = (), details: str = "") -> str:
    """Return a training in words: choices, costs, the curve in one line, and why it ended.

    `details` are a fault's traceback.
    """
    what = f"**{safe(row.name)}**, a baseline" if row.name else "**An architecture of the space**"
    parts = [
        f"**{' · '.join(stamps)}**" if stamps else "",
        f"{what}, seed {row.seed}",
        ending(row),
        curve([one.score for one in row.curve]),
        table(("choice", "option"), choices(row)),
        table(("cost", ""), costs(row)),
        "; ".join(safe(flag) for flag in row.flags),
        "\n".join(f"    {line}" for line in details.splitlines()),
    ]
    return "\n\n".join(part for part in parts if part)


def ending(row: Row) -> str:
    """Return what became of it, and why."""
    score = "" if row.score is None else f"{safe(row.metric)} **{row.score:.4f}**, "
    reason = f": {safe(row.reason)}" if row.reason else ""
    return f"{score}{safe(row.status)}{reason}"


def curve(scores: Sequence[float]) -> str:
    """Return the scores after each epoch as bars, with the first and the last in numbers."""
    held = [score for score in scores if math.isfinite(score)]
    if not held:
        return ""
    low, span = min(held), max(held) - min(held)
    kept = held[:: math.ceil(len(held) / LONGEST)]
    bars = [BARS[round((score - low) / span * (len(BARS) - 1)) if span else 0] for score in kept]
    return f"`{''.join(bars)}` {held[0]:.4f} → {held[-1]:.4f} in {len(held)} epochs"


def choices(row: Row) -> list[tuple[str, str]]:
    """Return the choices as rows of a table."""
    held = [] if row.name else list(row.choices.items())
    rows = [(name, plain(label)) for name, label in held[:CHOICES]]
    more = len(held) - len(rows)
    return [*rows, ("", f"and {more} more")] if more else rows


def costs(row: Row) -> list[tuple[str, str]]:
    """Return the costs as rows of a table, to three digits and whole."""
    return [
        (TITLES.get(metric, metric), f"{amount(metric, figure)} ({figure:,})")
        for metric, figure in row.figures.items()
    ]


def table(heads: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of two columns; nothing without rows."""
    lines = [f"| {safe(name)} | {safe(value)} |" for name, value in rows]
    return "\n".join([f"| {heads[0]} | {heads[1]} |", "|---|---|", *lines]) if lines else ""


def safe(text: str) -> str:
    """Return a text in one line that Markdown shows as it is."""
    return in_markdown(in_line(text, 120))
