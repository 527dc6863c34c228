"""`search zoo`: the modules as a table."""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "the modules: site, parameters, paper, constraints"
    one = commands.add_parser("zoo", help=text, description=text, allow_abbrev=False)
    one.add_argument("--markdown", action="store_true", help="print the table of docs/zoo.md")
    one.set_defaults(run=zoo)


def zoo(parsed: argparse.Namespace) -> None:
    """Print the modules."""
    from search.zoo import markdown
    from search.zoo import zoo as modules

    if parsed.markdown:
        print("\n".join(markdown()))
        return
    rows = list(modules())
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())
