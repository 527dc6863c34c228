"""What papers print of networks on a recipe's data, placed by what we count of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from search.experiment import Experiment, apply
from search.paper import checked
from spaces.table import Row, Table
from trials.recipe import KNOWN, Recipe


@dataclass(frozen=True)
class Point:
    """A printed accuracy, as a share of 1, of a network whose figures are our counts."""

    name: str
    source: str
    score: float
    std: float | None
    figures: Mapping[str, float]


def points(experiment: Experiment, recipe: Recipe) -> tuple[Point, ...]:
    """Return the printed rows that can be put beside ours: on the same data, network written out.

    A recipe that changes the backbone trains other networks than the paper's.
    """
    if recipe.overrides:
        return ()
    tables = {
        name: table
        for name, table in checked(experiment.published).items()
        if table.data == recipe.data
    }
    found: dict[str, Point] = {}
    for table in tables.values():
        for row in table.rows:
            if point := placed(experiment, table, row):
                found.setdefault(f"{row.name}, {row.accuracy}", point)
    return tuple(found.values())


def placed(experiment: Experiment, table: Table, row: Row) -> Point | None:
    """Return a printed row as a point; None where accuracy or network are not there."""
    printed = re.fullmatch(r"\s*([\d.]+)(?:\s*±\s*([\d.]+))?\s*", row.accuracy)
    if not printed or row.network is None:
        return None
    images = KNOWN[table.data]
    try:
        network = next(iter(apply(row.network, {}, images, images.classes))).network
        cost = experiment.prices(network)
    except ValueError:
        return None  # `search show --paper` says what is wrong with it
    score, std = (float(text) / 100 if text else None for text in printed.groups())
    assert score is not None
    figures = {"macs": cost.macs, "params": cost.params, "activations": cost.activations}
    return Point(row.name, table.source, score, std, figures)
