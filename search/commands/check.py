"""`search check`: the zoo's contract, tried on a module of one's own."""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "whether a module of yours keeps the zoo's contract, and the line to change if not"
    one = commands.add_parser("check", help=text, description=text, allow_abbrev=False)
    one.add_argument("module", metavar="FILE:CLASS", help="such as mine.py:Gate")
    one.add_argument(
        "--quick", action="store_true", help="leave out the exports, which take longest"
    )
    one.add_argument("--json", action="store_true", help="print one JSON document")
    one.set_defaults(run=check)


def check(parsed: argparse.Namespace) -> int:
    """Print what holds and what does not; 1 where something does not."""
    from search import check as checking

    report = checking.check(checking.given_class(parsed.module), parsed.quick)
    lines = [checking.as_json(report)] if parsed.json else checking.as_text(report)
    for line in lines:
        print(line)
    return 0 if report.holds else 1
