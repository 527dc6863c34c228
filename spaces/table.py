"""A table as a paper prints it, with a network of ours for each of its rows."""

from __future__ import annotations

from dataclasses import dataclass

from spaces.dsl import Space


@dataclass(frozen=True)
class Row:
    """One printed row; its figures are strings, so that they keep the printed digits.

    `network` is one architecture, or None where the paper's cannot be written. `note` says what
    about it had to be inferred, `unresolved` why our figures are not the printed ones.
    """

    name: str
    network: Space | None
    params: str = ""
    flops: str = ""
    accuracy: str = ""
    note: str = ""
    unresolved: str = ""


@dataclass(frozen=True)
class Table:
    """Printed rows; `data` sets input and classes, `convention` is one of `search/paper.py`."""

    source: str
    data: str
    convention: str
    rows: tuple[Row, ...]
    accuracy: str = "top-1"
