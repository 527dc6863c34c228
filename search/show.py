"""Print a survey: as text for people, as one JSON document, as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from statistics import median

from search.survey import DRAWN, RESOLUTION, Row, Survey
from spaces import Space
from spaces.tree import Decision, Fit, Group, Node

FIGURES = ("params", "macs", "ptflops", "thop")
BARS = "▁▂▃▄▅▆▇█"


def as_json(found: Survey) -> str:
    """Return one document."""
    experiment = found.experiment
    document = {
        "space": experiment.name,
        "recipe": experiment.recipe,
        "size": found.size,
        "valid": found.valid,
        "allowed": found.allowed if found.is_whole else None,
        "input": list(experiment.shape),
        "classes": experiment.classes,
        "limits": [str(limit) for limit in experiment.limits],
        "choices": {name: list(labels) for name, labels in experiment.space.labels.items()},
        "baselines": {row.name: row_document(row) for row in found.baselines},
        "architectures": [
            {"choices": dict(row.choices), "key": row.key, **row_document(row)}
            for row in found.rows
        ],
        "range": {name: spread(found, name) for name in ("params", "macs", "activations")},
        "refused": dict(found.refused),
        "remarks": list(remarks(found)),
    }
    return json.dumps(document, indent=1)


def row_document(row: Row) -> dict[str, object]:
    """Return the figures of a row, with what there is to say about them."""
    return {
        **row.figures,
        **({"speed": asdict(row.speed)} if row.speed else {}),
        **({"remarks": list(row.remarks)} if row.remarks else {}),
    }


def as_csv(found: Survey) -> str:
    """Return the table, one column a choice and one a figure."""
    out = io.StringIO()
    choices = list(found.experiment.space.decisions)
    figures = [*FIGURES, "activations"]
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["name", "key", *choices, *figures])
    for row in [*found.baselines, *found.rows]:
        cells = [row.choices.get(name, "") for name in choices]
        table.writerow([row.name, row.key, *cells, *(row.figures[name] for name in figures)])
    return out.getvalue().rstrip("\n")


def as_text(found: Survey) -> str:
    """Return the page a person reads."""
    return "\n".join(
        [
            *heading(found),
            "",
            *tree(found.experiment.space),
            "",
            *sizes(found),
            *options(found),
            "",
            *ranges(found),
            "",
            *table(found),
            *(f"! {remark}" for remark in remarks(found)),
        ]
    )


def heading(found: Survey) -> Iterator[str]:
    """Yield what is shown, and at which input."""
    experiment = found.experiment
    recipe = f"recipe {experiment.recipe}" if experiment.recipe else "as written, no recipe"
    shape = "x".join(map(str, experiment.shape))
    yield f"{experiment.name}: {recipe}, input {shape}, {experiment.classes} classes"


def tree(space: Space) -> Iterator[str]:
    """Yield every choice, indented under the option that opens it."""
    shown: set[str] = set()
    yield from branches(space.root, 0, shown)
    if not shown:
        yield "(nothing to choose)"


def branches(node: Node, depth: int, shown: set[str]) -> Iterator[str]:
    """Yield the choices of one branch; tied ones once."""
    if isinstance(node, Group):
        for child in node.children:
            yield from branches(child, depth, shown)
    elif isinstance(node, Decision) and node.name not in shown:
        shown.add(node.name)
        yield "  " * depth + described(node)
        for branch in node.branches.values():
            yield from branches(branch, depth + 1, shown)


def described(node: Decision) -> str:
    """Return a choice's name and options in a line."""
    choice = node.choice
    offered = "  ".join(str(label) for label in choice.labels)
    if isinstance(choice, Fit):
        first, last = choice.labels[0], choice.labels[-1]
        return f"{node.name}: fitted, {first} … {last} ({len(choice.labels)}), by {choice.metric}"
    return f"{node.name}: {offered}{'  (tied)' if choice.tie else ''}"


def sizes(found: Survey) -> Iterator[str]:
    """Yield how many architectures are written, valid and allowed."""
    valid = "" if found.valid is None else f", {found.valid:,} valid"
    yield f"{found.size:,} architectures{valid}"
    if found.experiment.limits:
        limits = " and ".join(map(str, found.experiment.limits))
        of = "" if found.is_whole else f" of {len(found.costs):,} drawn"
        yield f"{found.allowed:,}{of} keep {limits}"
    for reason, count in found.refused.most_common():
        yield f"refused{f' {count:,} times' if count else ''}: {reason}"
    for names in repeated(found.experiment.space):
        yield (
            f"! one choice stands at {', '.join(names)} and is decided at each; "
            "give it tie=... if one decision was meant"
        )


def repeated(space: Space) -> list[list[str]]:
    """Return the names under which one choice object stands at several places at once."""
    groups = [sorted(names) for names in standing(space.root).values() if len(names) > 1]
    return [names for names in groups if not any(inside(names, other) for other in groups)]


def standing(node: Node) -> dict[int, set[str]]:
    """Return for each choice object the names that can arise together; branches exclude others."""
    at: dict[int, set[str]] = {}
    if isinstance(node, Group):
        for child in node.children:
            for key, names in standing(child).items():
                at[key] = at.get(key, set()) | names
    elif isinstance(node, Decision):
        for branch in node.branches.values():
            for key, names in standing(branch).items():
                at[key] = max(at.get(key, set()), names, key=len)
        at[id(node.choice)] = {node.name}
    return at


def inside(names: list[str], other: list[str]) -> bool:
    """Tell whether all names lie below those of another group."""
    return all(any(name.startswith(f"{outer}.") for outer in other) for name in names)


def options(found: Survey) -> Iterator[str]:
    """Yield what each option costs against each baseline, all else equal."""
    if not found.options or not found.baselines:
        return
    for baseline in found.baselines:
        yield ""
        yield f"each option where all else stays, against {baseline.name}:"
        width = max(len(f"{option.choice} = {option.label}") for option in found.options)
        for option in found.options:
            name = f"{option.choice} = {option.label}".ljust(width)
            if option.cost is None:
                yield f"  {name}  refused: {option.refusal}"
                continue
            params = relative(option.cost.params, baseline.figures["params"])
            macs = relative(option.cost.macs, baseline.figures["macs"])
            yield f"  {name}  params {params}  macs {macs}"


def relative(figure: int, base: int) -> str:
    """Write a figure's distance from a base in percent."""
    return f"{figure / base - 1:+8.2%}"


def ranges(found: Survey) -> Iterator[str]:
    """Yield where the costs lie: least, median, most, and how they are spread."""
    if not found.is_whole:
        yield f"of {DRAWN:,} drawn at random:"
    for name in ("params", "macs", "activations"):
        figures = sorted(getattr(cost, name) for cost in found.costs)
        low, middle, high = figures[0], int(median(figures)), figures[-1]
        yield f"{name:>11}  {low:>15,} … {middle:>15,} … {high:>15,}  {histogram(figures)}"


def spread(found: Survey, name: str) -> dict[str, int]:
    """Return the least, the middle and the most of a figure."""
    figures = [getattr(cost, name) for cost in found.costs]
    return {"min": min(figures), "median": int(median(figures)), "max": max(figures)}


def histogram(figures: list[int], bins: int = 16) -> str:
    """Draw how sorted figures are spread."""
    low, high = figures[0], figures[-1]
    if low == high:
        return ""
    counts = [0] * bins
    for figure in figures:
        counts[min(bins - 1, (figure - low) * bins // (high - low))] += 1
    most = max(counts)
    return "".join(BARS[-(-count * (len(BARS) - 1) // most)] if count else " " for count in counts)


def table(found: Survey) -> Iterator[str]:
    """Yield baselines and architectures with the figures papers print."""
    rows = [*found.baselines, *found.rows]
    timed = [row.speed for row in rows if row.speed]
    head = [*FIGURES, *(("latency", "memory") if timed else ())]
    yield "".join(f"{name:>15}" for name in head)
    for row in rows:
        figures = [f"{row.figures[name]:>15,}" for name in FIGURES]
        if row.speed:
            figures += [
                f"{1e3 * row.speed.latency:>12.2f} ms",
                f"{row.speed.memory / 1e6:>12.1f} MB",
            ]
        yield "".join([*figures, f"  {row.name}"])
    if timed:
        one = timed[0]
        yield (
            f"  latency: median of {one.repeats} passes of {one.batch} images in fp32 on "
            f"{one.device}, {one.threads} threads; memory: its peak"
        )
    shown = {remark for row in rows for remark in row.remarks}
    for remark in sorted(shown)[:4]:
        yield f"  {remark}"


def remarks(found: Survey) -> Iterator[str]:
    """Yield what a reader of the figures should know."""
    macs = [cost.macs for cost in found.costs]
    if len(macs) > 1 and max(macs) - min(macs) <= RESOLUTION * max(macs):
        apart = (max(macs) - min(macs)) / max(macs)
        yield (
            f"macs differ by {apart:.2%} at most and cannot rank this space; "
            "objectives = ['accuracy', 'params'] or a measured latency can"
        )
