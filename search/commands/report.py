"""`search report`: a study as a page, tables and pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "one offline page of a study, with its tables and pictures"
    one = commands.add_parser("report", help=text, description=text, allow_abbrev=False)
    one.add_argument("space", metavar="SPACE|RUNFOLDER", help="a space, or the folder of a run")
    one.add_argument("--recipe", metavar="NAME", help="the recipe; the first unless named")
    one.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write; RUNFOLDER/report unless given"
    )
    one.add_argument(
        "--x", metavar="PRICE", help="what the front is drawn over: macs, params, latency"
    )
    one.add_argument(
        "--choices", nargs=2, default=(), metavar=("A", "B"), help="what the heat map is drawn over"
    )
    one.add_argument(
        "--format",
        type=listed,
        default=(),
        metavar="svg,pdf,png",
        help="write the figures as pictures too, in a paper's column width",
    )
    one.add_argument("--storage", default="", metavar="URL", help="where the study is kept")
    one.add_argument("--study", default="", metavar="NAME", help="a study of another name")
    one.add_argument("--json", action="store_true", help="print one JSON document")
    one.set_defaults(run=report)


def listed(text: str) -> tuple[str, ...]:
    """Read words between commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def report(parsed: argparse.Namespace) -> None:
    """Write a report, and print where it lies."""
    from search.experiment import ALIASES
    from search.findings import read
    from search.methods import noted
    from search.place import placed
    from search.report import Options, document, write
    from spaces import SpaceError

    place = placed(parsed.space, parsed.recipe, storage=parsed.storage, study=parsed.study)
    if not place.is_there:
        raise SpaceError(
            f"nothing has been run in {place.folder.path}; `search run {place.named}` begins"
        )
    findings = read(place.experiment, place.storage or place.folder.storage, place.study)
    price = ALIASES.get(parsed.x, parsed.x or "")
    folder = parsed.out or place.folder.path / "report"
    options = Options(price, parsed.choices, parsed.format)
    try:
        files = write(findings, folder, options, noted(place.folder.path))
    except OSError as error:
        raise SpaceError(f"{error.filename or folder}: {error.strerror}") from None
    if parsed.json:
        print(document(findings, files))
        return
    print("\n".join([*([findings.absence] if findings.absence else []), *map(str, files)]))
