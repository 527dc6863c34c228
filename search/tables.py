"""Tables of a study as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from search.amounts import plain
from search.escaped import harmless, in_latex, in_markdown
from search.findings import Findings
from search.rows import Mean
from spaces.labels import Label

HEADS = {
    "params": "Params",
    "macs": "FLOPs",
    "latency": "Latency",
    "memory": "Memory",
    "activations": "Activations",
    "ptflops": "ptflops",
    "thop": "thop",
}
UNITS = {"latency": "s", "memory": "B", "activations": "B"}
PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"))
PRINTED = 3
"""How many of the prices a printed table has room for."""
COLUMNS = 6
"""Beyond so many choices they share one column."""


@dataclass(frozen=True)
class Table:
    """Rows of cells; `best` are the places of the cells that are best in their column."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    best: frozenset[tuple[int, int]]
    notes: tuple[str, ...]


def table(findings: Findings, means: Sequence[Mean]) -> Table:
    """Return architectures with their prices and mean ± std; the best score is marked."""
    names = [
        name
        for name in findings.experiment.space.labels
        if any(name in mean.choices for mean in means if not mean.name)
    ]
    units = {metric: unit(metric, means) for metric in findings.prices[:PRINTED]}
    head = f"{title(findings)} (%)" if findings.score.metric == "accuracy" else title(findings)
    rows = tuple(
        (
            mean.name or f"#{mean.numbers[0]}",
            *options(mean, names),
            *(figure(metric, mean.figures, size) for metric, (size, _) in units.items()),
            result(findings, mean),
            str(mean.n),
        )
        for mean in means
    )
    held = [mean.value(findings.score) for mean in means]
    columns = names if len(names) <= COLUMNS else ["choices"]
    column = 1 + len(columns) + len(units)
    best = frozenset((row, column) for row, value in enumerate(held) if value == min(held))
    prices = (f"{HEADS[metric]}{told}" for metric, (_, told) in units.items())
    heads = ("", *columns, *prices, head, "Seeds")
    return Table(heads, rows, best, notes(findings, means))


def options(mean: Mean, names: Sequence[str]) -> list[str]:
    """Return what was chosen, a cell a choice, or all in one cell where they are many."""
    if len(names) <= COLUMNS:
        return ["" if mean.name else chosen(mean.choices, name) for name in names]
    if mean.name:
        return [""]
    is_one = len({name.partition(".")[0] for name in mean.choices}) == 1
    held = mean.choices.items()
    return [", ".join(plain(label) if is_one else f"{name} {plain(label)}" for name, label in held)]


def title(findings: Findings) -> str:
    """Return the head of the scores."""
    metric = findings.score.metric
    return "Accuracy" if metric == "accuracy" else metric


def chosen(choices: Mapping[str, Label], name: str) -> str:
    """Return the option of a choice; nothing where it does not exist."""
    return plain(choices[name]) if name in choices else ""


def unit(metric: str, means: Sequence[Mean]) -> tuple[float, str]:
    """Return the unit of a column: the largest in which papers would still print its figures."""
    largest = max((mean.figures.get(metric, 0.0) for mean in means), default=0.0)
    size, prefix = next((held for held in PREFIXES if largest >= 0.1 * held[0]), (1.0, ""))
    told = f"{prefix}{UNITS.get(metric, '')}"
    return size, f" ({told})" if told else ""


def figure(metric: str, figures: Mapping[str, float], size: float) -> str:
    """Return a price in the unit of its column, with as many digits as papers print."""
    if metric not in figures:
        return ""
    return (
        f"{figures[metric] / size:.3f}" if size > 1 or metric in UNITS else f"{figures[metric]:g}"
    )


def result(findings: Findings, mean: Mean) -> str:
    """Return mean ± std; one seed has no deviation."""
    factor, digits = (100, 2) if findings.score.metric == "accuracy" else (1, 4)
    text = f"{factor * mean.mean:.{digits}f}"
    return text if mean.std is None else f"{text} ± {factor * mean.std:.{digits}f}"


def notes(findings: Findings, means: Sequence[Mean]) -> tuple[str, ...]:
    """Return what has to be read with the numbers."""
    seeds = sorted({mean.n for mean in means})
    spread = (
        "mean ± sample standard deviation over seeds" if seeds and seeds[-1] > 1 else "one seed"
    )
    return (*findings.stamps, f"{spread}; the best is in bold")


def as_markdown(held: Table) -> str:
    """Return a table as Markdown, the best in bold."""
    numeric = numbers(held)
    rule = "|".join("---:" if column in numeric else "---" for column in range(len(held.heads)))
    lines = [
        "| " + " | ".join(in_markdown(head) for head in held.heads) + " |",
        f"|{rule}|",
        *(
            "| " + " | ".join(marked(held, row, "**", "**", in_markdown)) + " |"
            for row in range(len(held.rows))
        ),
        "",
        f"*{'; '.join(map(in_markdown, held.notes))}.*",
    ]
    return "\n".join(lines) + "\n"


def as_latex(held: Table, caption: str) -> str:
    """Return a table for booktabs, which compiles as it is."""
    numeric = numbers(held)
    layout = "".join("r" if column in numeric else "l" for column in range(len(held.heads)))
    lines = [
        "% \\usepackage{booktabs}",
        "\\begin{table}[t]",
        "\\centering",
        f"\\caption{{{in_latex(caption)} ({'; '.join(map(in_latex, held.notes))}.)}}",
        f"\\begin{{tabular}}{{{layout}}}",
        "\\toprule",
        " & ".join(in_latex(head) for head in held.heads) + r" \\",
        "\\midrule",
        *(
            " & ".join(marked(held, row, "\\textbf{", "}", in_latex)) + r" \\"
            for row in range(len(held.rows))
        ),
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def marked(held: Table, row: int, start: str, end: str, safe: object) -> list[str]:
    """Return the cells of a row, the best between two marks."""
    assert callable(safe)
    return [
        f"{start}{safe(text)}{end}" if (row, column) in held.best else safe(text)
        for column, text in enumerate(held.rows[row])
    ]


def numbers(held: Table) -> set[int]:
    """Return the columns that hold numbers alone."""
    return {
        column
        for column in range(1, len(held.heads))
        if all(re.fullmatch(r"[-+<\d.,\[\] ]*( ± [\d.]+)?", row[column]) for row in held.rows)
    }


def as_csv(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return CSV in which every number reads back as it was."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([harmless(head) for head in heads])
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def architectures(findings: Findings) -> str:
    """Return every architecture and baseline over its seeds as CSV."""
    names = list(findings.experiment.space.labels)
    front = {mean.key for mean in findings.front}
    heads = ["name", "trials", *names, *findings.prices, "mean", "std", "seeds", "front", "notes"]
    rows = (
        [
            mean.name,
            " ".join(map(str, mean.numbers)),
            *(chosen(mean.choices, name) for name in names),
            *(mean.figures.get(metric, "") for metric in findings.prices),
            mean.mean,
            "" if mean.std is None else mean.std,
            mean.n,
            "yes" if mean.key in front and not mean.name else "",
            "; ".join(findings.stamps),
        ]
        for mean in findings.means
    )
    return as_csv(heads, rows)


def trainings(findings: Findings) -> str:
    """Return every training as CSV."""
    names = list(findings.experiment.space.labels)
    prices = findings.prices or tuple({name: 0 for row in findings.rows for name in row.figures})
    heads = ["trial", "name", *names, "seed", "status", "score", *prices, "epochs", "seconds"]
    rows = (
        [
            row.number,
            row.name,
            *(chosen(row.choices, name) for name in names),
            row.seed,
            row.status,
            "" if row.score is None else row.score,
            *(row.figures.get(metric, "") for metric in prices),
            len(row.curve),
            row.seconds,
            row.reason,
            "; ".join([*findings.stamps, *row.flags]),
        ]
        for row in findings.rows
    )
    return as_csv([*heads, "reason", "notes"], rows)
