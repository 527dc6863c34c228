"""`search status`: the runs that lie here."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "the runs here: how far they are, what went wrong last, their size on disk"
    one = commands.add_parser("status", help=text, description=text, allow_abbrev=False)
    one.add_argument("folder", type=Path, nargs="?", default=Path("runs"), metavar="FOLDER")
    one.add_argument("--json", action="store_true", help="print one JSON document")
    one.set_defaults(run=status)


def status(parsed: argparse.Namespace) -> None:
    """Print a line for each run."""
    from search.status import status as runs
    from search.status import words
    from spaces import SpaceError

    if not parsed.folder.is_dir():
        raise SpaceError(f"there is no folder {parsed.folder}; `search run` makes one")
    found = list(runs(parsed.folder))
    if parsed.json:
        print(
            json.dumps(
                [
                    {
                        "run": str(one.path),
                        "state": words(one).partition(":")[0],
                        "counts": dict(one.counts),
                        "running": one.running,
                        "error": one.error,
                        "bytes": one.size,
                    }
                    for one in found
                ],
                indent=1,
            )
        )
        return
    width = max((len(str(one.path)) for one in found), default=0)
    for one in found:
        print(f"{one.path!s:{width}}  {one.size / 1e6:8.1f} MB  {words(one)}")
        if one.error:
            print(f"{'':{width}}               last error: {one.error}")
    if not found:
        print(f"no runs in {parsed.folder}")
