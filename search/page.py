"""The report as one HTML page that needs nothing else."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from search.amounts import plain
from search.escaped import in_line
from search.figures.style import Picture, scored
from search.findings import Findings
from search.rows import Row
from search.tables import Table, chosen

ASSETS = Path(__file__).parent / "assets"
CELL = 160
"""How many letters of a cell are shown; the CSV has all."""
COLUMNS = 10
"""Beyond so many choices they share one column."""
REASONS = 40
GROUP = re.compile(r"\d[\d,.]*(e[+-]?\d+)?")
"""Reasons that differ by numbers alone are counted together."""


@dataclass(frozen=True)
class Section:
    """A figure of the page; several pictures are views of it to switch between, by name."""

    name: str
    views: Mapping[str, Picture]
    is_wide: bool = False


@dataclass(frozen=True)
class Page:
    """All that the page shows; `script` is plotly.js, `rows` hold sections beside each other."""

    findings: Findings
    rows: Sequence[Sequence[Section]]
    table: Table
    methods: str
    script: str


def page(held: Page) -> str:
    """Return the document."""
    findings = held.findings
    title = in_line(findings.title, CELL)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        # whatever a name holds, nothing of it may run or reach out
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:\">",
        f"<title>{escape(title)}</title>",
        f"<style>{(ASSETS / 'page.css').read_text(encoding='utf-8')}</style></head><body><main>",
        heading(findings, title),
        *(
            "".join(
                ["<section", ' class="pair"' * (len(row) > 1), ">", *map(drawn, row), "</section>"]
            )
            for row in held.rows
        ),
        block("Baselines and front", printed(held.table)),
        block("All trainings", listed(findings)),
        block("Rejected, stopped, failed", ends(findings)),
        block("Methods", f"<p>{escape(held.methods)}</p>"),
        f"</main><script>{held.script}</script>",
        f"<script>{(ASSETS / 'page.js').read_text(encoding='utf-8')}</script>",
        "</body></html>",
    ]
    return "\n".join(parts)


def heading(findings: Findings, title: str) -> str:
    """Return the title, the stamps and the numbers people look for first."""
    best = findings.best
    stamps = "".join(f'<span class="stamp">{escape(stamp)}</span>' for stamp in findings.stamps)
    facts = {
        "trained to the end": f"{len(findings.candidates):,}",
        "on the front": f"{len(findings.front):,}",
        f"best {findings.score.metric}": scored(findings, best.mean) if best else "–",
        "epochs spent": f"{sum(len(row.curve) for row in findings.rows):,}",
    }
    cells = "".join(
        f"<div><b>{escape(in_line(value))}</b><span>{escape(in_line(name))}</span></div>"
        for name, value in facts.items()
    )
    about = (Path(findings.experiment.path).stem, findings.experiment.recipe or "as written")
    words = f"Space {in_line(about[0])}, recipe {in_line(about[1])}"
    absence = f"<p>{escape(findings.absence)}</p>" if findings.absence else ""
    return (
        f'<h1>{escape(title)}</h1><p class="about">{escape(words)}</p>{stamps}'
        f'<div class="facts">{cells}</div>{absence}'
    )


def drawn(section: Section) -> str:
    """Return a figure with its switch, or the sentence why there is none."""
    views = {name: view for name, view in section.views.items() if view.drawn}
    first = next(iter(views.values()), None) or next(iter(section.views.values()))
    head = f"<h2>{escape(first.title)}</h2>"
    if not views:
        return f'<div>{head}<p class="note">{said(first.caption)}</p></div>'
    data, buttons = "", ""
    for place, (name, view) in enumerate(views.items()):
        key = f"{section.name}-{place}"
        data += embedded(key, view.drawn)
        buttons += (
            f'<button type="button" data-figure="{key}" aria-pressed="{str(not place).lower()}" '
            f'data-caption="{said(view.caption)}">{escape(name)}</button>'
        )
    switch = f'<div class="switch">{buttons}</div>' if len(views) > 1 else ""
    return (
        f"<figure{' class=wide' * section.is_wide}>{head}{switch}"
        f'<div class="plot" data-figure="{section.name}-0"></div>'
        f"<figcaption>{said(first.caption)}</figcaption>{data}</figure>"
    )


def said(caption: str) -> str:
    """Return a caption as HTML; names in it are escaped for plotly already."""
    return escape(caption.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def embedded(key: str, value: object) -> str:
    """Return data for a script to read; nothing in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), default=str, allow_nan=False)
    safe = text.replace("<", "\\u003c")
    return f'<script type="application/json" id="{key}">{safe}</script>'


def block(title: str, content: str) -> str:
    """Return a section of text."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def printed(held: Table) -> str:
    """Return a table as it is printed."""
    heads = "".join(f"<th>{escape(in_line(head, 40))}</th>" for head in held.heads)
    lines = ""
    for place, row in enumerate(held.rows):
        cells = ""
        for column, text in enumerate(row):
            cell = escape(in_line(text, CELL))
            cells += f"<td>{f'<b>{cell}</b>' if (place, column) in held.best else cell}</td>"
        lines += f"<tr>{cells}</tr>"
    if not held.rows:
        return '<p class="note">Nothing has trained to the end.</p>'
    note = escape("; ".join(held.notes))
    return (
        f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>'
        f'</div><p class="note">{note}.</p>'
    )


def listed(findings: Findings) -> str:
    """Return the table of all trainings, which the page's script fills."""
    if not findings.rows:
        return '<p class="note">Nothing has been trained yet.</p>'
    names = list(findings.experiment.space.labels)
    columns = names if len(names) <= COLUMNS else ["choices"]
    prices = findings.prices[:4]
    heads = ["trial", "name", *columns, "seed", "status", findings.score.metric]
    heads += [*prices, "epochs", "best epoch's", "seconds", "remarks"]
    rows = [line(row, columns, prices) for row in findings.rows]
    numeric = [
        all(isinstance(row[place], int | float) or row[place] == "" for row in rows)
        for place in range(len(heads))
    ]
    titles = "".join(
        f"<th{' class=number' * number}>{escape(in_line(head, 40))}</th>"
        for head, number in zip(heads, numeric, strict=True)
    )
    data = {"heads": heads, "numeric": numeric, "rows": rows}
    return (
        '<input type="search" placeholder="filter: SE stopped 64 …" aria-label="filter">'
        '<span class="note count"></span><div class="scroll"><table class="trials"><thead><tr>'
        f"{titles}</tr></thead><tbody></tbody></table></div>"
        f'<p><button type="button" class="more" hidden>show more</button></p>'
        f"{embedded('trials', data)}"
    )


def line(row: Row, columns: Sequence[str], prices: Iterable[str]) -> list[Any]:
    """Return a training's cells, numbers as numbers."""
    if columns == ["choices"]:
        told = ", ".join(f"{name} {plain(label)}" for name, label in row.choices.items())
        choices: list[object] = ["" if row.name else in_line(told, CELL)]
    else:
        choices = ["" if row.name else cell(row, name) for name in columns]
    scores = [one.score for one in row.curve if math.isfinite(one.score)]
    direction = row.curve[-1].direction if row.curve else "maximize"
    peak = (max if direction == "maximize" else min)(scores, default=None)
    remarks = "; ".join(text for text in [row.reason, *row.flags] if text)
    return [
        row.number,
        in_line(row.name, CELL),
        *choices,
        row.seed,
        in_line(row.status, 40),
        rounded(row.score),
        *(rounded(row.figures.get(metric)) for metric in prices),
        len(row.curve),
        rounded(peak),
        round(row.seconds, 1),
        in_line(remarks, CELL),
    ]


def cell(row: Row, name: str) -> object:
    """Return the option of a choice, a number as one."""
    label = row.choices.get(name)
    if isinstance(label, int | float) and not isinstance(label, bool):
        return label
    return in_line(chosen(row.choices, name), CELL)


def rounded(figure: float | None) -> float | str:
    """Return a figure to the digits that are shown; an empty cell where there is none."""
    if figure is None or not math.isfinite(figure):
        return ""
    return float(f"{figure:.6g}") if figure % 1 else int(figure)


def ends(findings: Findings) -> str:
    """Return what took no training or came to no score, by status and reason."""
    groups: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    untold = [
        ((row.status, row.reason), 1)
        for row in findings.rows
        if row.status not in ("complete", "running", "interrupted", "waiting")
    ]
    for (status, reason), count in [*findings.untrained.items(), *untold]:
        group = (status, GROUP.sub("#", in_line(reason, CELL)))
        groups[group] += count
        examples.setdefault(group, in_line(reason, CELL))
    if not groups:
        return '<p class="note">Nothing: every trial trained to the end.</p>'
    lines = "".join(
        f'<tr><td class="number">{count:,}</td><td>{escape(in_line(group[0], 40))}</td>'
        f"<td>{escape(examples[group])}</td></tr>"
        for group, count in groups.most_common(REASONS)
    )
    rest = len(groups) - REASONS
    more = f'<p class="note">and {rest:,} more reasons.</p>' if rest > 0 else ""
    return (
        '<div class="scroll"><table><thead><tr><th class="number">trials</th><th>what</th>'
        f"<th>why, by its first case</th></tr></thead><tbody>{lines}</tbody></table></div>{more}"
    )
