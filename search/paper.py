"""A paper's table beside what our networks count, row by row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from search.convention import CONVENTIONS, Convention, Figure
from search.experiment import Experiment, apply, located, resolved
from spaces import SpaceError
from spaces.labels import near
from spaces.table import Row, Table
from trials.meta import Unfilled
from trials.recipe import KNOWN, Images

STATUSES = {
    "met": "met to the last printed digit",
    "missed": "missed",
    "not counted": "not counted",
    "not printed": "printed without figures",
}


@dataclass(frozen=True)
class Line:
    """A row of the table with our figures."""

    row: Row
    params: Figure
    flops: Figure

    @property
    def status(self) -> str:
        """Tell whether the printed figures are met, missed, or could not be counted at all."""
        if self.row.network is None:
            return "not counted"
        if not self.row.params and not self.row.flops:
            return "not printed"
        return "met" if self.params.is_met and self.flops.is_met else "missed"


@dataclass(frozen=True)
class Comparison:
    """A published table, line by line."""

    name: str
    table: Table
    lines: tuple[Line, ...]

    @property
    def images(self) -> Images:
        """What the networks were counted for."""
        return KNOWN[self.table.data]

    @property
    def statuses(self) -> Counter[str]:
        """How many lines there are of each status."""
        return Counter(line.status for line in self.lines)


def compare(experiment: Experiment) -> list[Comparison]:
    """Count the network of every published row, at the paper's input and classes.

    With a recipe only the tables on its data are looked at.
    """
    with located(experiment.path):
        tables = on_data(checked(experiment.published), experiment)
        return [compared(name, table) for name, table in tables.items()]


def on_data(tables: Mapping[str, Table], experiment: Experiment) -> Mapping[str, Table]:
    """Keep the tables on the data of the recipe, if there is one."""
    if not tables:
        raise SpaceError("holds no published table")
    recipe = resolved(experiment.space.recipe)
    if recipe is None:
        return tables
    kept = {name: table for name, table in tables.items() if table.data == recipe.data}
    if not kept:
        data = ", ".join(sorted({table.data for table in tables.values()}))
        raise SpaceError(
            f"recipe {experiment.recipe!r} is not on the data of the published tables, {data}"
        )
    return kept


def checked(published: Mapping[str, Any]) -> Mapping[str, Table]:
    """Return the tables, each one by a known convention and on known data."""
    if not isinstance(published, Mapping):
        raise SpaceError(f"published is a {type(published).__name__}, not a dict of tables by name")
    for name, table in published.items():
        if not isinstance(table, Table):
            raise SpaceError(f"published {name!r} is a {type(table).__name__}, not a Table")
        check_word(name, "convention", table.convention, CONVENTIONS)
        check_word(name, "data", table.data, KNOWN)
    return published


def check_word(name: str, field: str, word: str, words: Mapping[str, object]) -> None:
    """Refuse a word that is not among the known ones."""
    if word not in words:
        hint = near(word, words) or f"; it is one of {', '.join(words)}"
        raise SpaceError(f"published {name!r}: {field} = {word!r} is not known{hint}")


def compared(name: str, table: Table) -> Comparison:
    """Count a table's networks."""
    convention, images = CONVENTIONS[table.convention], KNOWN[table.data]
    return Comparison(name, table, tuple(counted(row, convention, images) for row in table.rows))


def counted(row: Row, convention: Convention, images: Images) -> Line:
    """Count one network; its shapes are all that takes."""
    if row.network is None:
        return Line(row, Figure(row.params), Figure(row.flops))
    if row.network.size != 1:
        raise SpaceError(f"published row {row.name!r} has {row.network.size} networks; it is one")
    network = apply(row.network, {}, images, images.classes)
    try:
        with torch.device("meta"), Unfilled():
            built = next(iter(network)).build()
            return Line(row, *convention.figures(built, images.size, row.params, row.flops))
    except ValueError as error:
        raise SpaceError(f"published row {row.name!r}: {error}") from None


def as_text(found: list[Comparison]) -> str:
    """Return the page a person reads."""
    return "\n\n".join("\n".join(page(comparison)) for comparison in found)


def page(found: Comparison) -> Iterator[str]:
    """Yield one table: published, ours, difference, and the integers behind ours."""
    size, table = found.images.size, found.table
    width = max(len(text) for text in (table.accuracy, *(row.accuracy for row in table.rows)))
    yield f"{found.name}: {table.source}"
    yield f"input 3x{size}x{size}, {found.images.classes} classes"
    yield CONVENTIONS[table.convention].told
    yield ""
    heads = f"{'params':>11}{'ours':>11}{'':>8}{'FLOPs':>8}{'ours':>8}{'':>8}"
    yield f"{heads}{'exact params':>14}{'exact FLOPs':>16}  {table.accuracy:>{width}}"
    for line in found.lines:
        figures = f"{cells(line.params, 11)}{cells(line.flops, 8)}"
        integers = f"{integer(line.params):>14}{integer(line.flops):>16}"
        yield f"{figures}{integers}  {line.row.accuracy:>{width}}  {line.row.name}"
    yield ""
    yield from remarks(found)


def cells(figure: Figure, width: int) -> str:
    """Write published, ours and their difference, `=` where there is none."""
    sign = "=" if figure.published and figure.is_met else figure.difference
    return f"{figure.published or '-':>{width}}{figure.ours or '-':>{width}}{sign:>8}"


def integer(figure: Figure) -> str:
    """Write what was counted."""
    return "-" if figure.exact is None else f"{figure.exact:,}"


def remarks(found: Comparison) -> Iterator[str]:
    """Yield how many rows are met, why the others are not, and what had to be inferred."""
    told = (f"{found.statuses[word]} {STATUSES[word]}" for word in STATUSES if found.statuses[word])
    yield f"{len(found.lines)} rows: {', '.join(told)}"
    for line in found.lines:
        if line.row.unresolved:
            yield f"! {line.row.name}: {line.row.unresolved}"
    for line in found.lines:
        if line.row.note:
            yield f"  {line.row.name}: {line.row.note}"


def as_json(found: list[Comparison]) -> str:
    """Return one document."""
    return json.dumps({"tables": [document(comparison) for comparison in found]}, indent=1)


def document(found: Comparison) -> dict[str, object]:
    """Return one table's part of the document."""
    return {
        "name": found.name,
        "source": found.table.source,
        "convention": found.table.convention,
        "input": [3, found.images.size, found.images.size],
        "classes": found.images.classes,
        "rows": [
            {
                "name": line.row.name,
                "status": line.status,
                "params": figure_document(line.params),
                "flops": figure_document(line.flops),
                "accuracy": line.row.accuracy,
                "note": line.row.note,
                "unresolved": line.row.unresolved,
            }
            for line in found.lines
        ],
    }


def figure_document(figure: Figure) -> dict[str, object]:
    """Return a figure's part of the document; null stands for what is not there."""
    return {
        "published": figure.published or None,
        "ours": figure.ours or None,
        "difference": figure.difference or None,
        "exact": figure.exact,
    }
