"""`search zoo`: the modules as a table."""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "the modules: site, parameters, paper, constraints"
    one = commands.add_parser("zoo", help=text, description=text, allow_abbrev=False)
    one.set_defaults(run=zoo)


def zoo(_: argparse.Namespace) -> None:
    """Print the modules."""
    from search.zoo import zoo as modules

    rows = list(modules())
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())
