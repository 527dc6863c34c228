"""`search dashboard`: Optuna's dashboard on a study."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "Optuna's dashboard on a study, on this machine, to look at"
    one = commands.add_parser("dashboard", help=text, description=text, allow_abbrev=False)
    one.add_argument("space", metavar="SPACE", help="a space file, a ready-made one, a run folder")
    one.add_argument("--recipe", metavar="NAME", help="which run of the space")
    one.add_argument("--out", type=Path, metavar="FOLDER", help="the run folder")
    one.add_argument(
        "--storage", default="", metavar="URL", help="the database, if not the folder's"
    )
    one.add_argument("--host", default="127.0.0.1", help="the address to listen at")
    one.add_argument("--port", type=int, default=8080, help="0 for any that is free")
    one.add_argument("--allow-edit", action="store_true", help="let the page change the study")
    one.set_defaults(run=dashboard)


def dashboard(parsed: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    from search.dashboard import LOOPBACK, serve
    from search.place import placed

    place = placed(parsed.space, parsed.recipe, parsed.out, storage=parsed.storage)
    # says in words what is missing before anything is served
    with place.reading() as study:
        name = study.name
    if parsed.host not in LOOPBACK:
        print(
            f"search: the dashboard has no password: whoever reaches {parsed.host} reads the study"
            + (" and can delete it" if parsed.allow_edit else ""),
            file=sys.stderr,
        )

    def ready(address: str) -> None:
        print(f"{name}: {address}  (Ctrl-C ends it)", flush=True)

    try:
        serve(
            parsed.storage or place.folder.storage,
            parsed.host,
            parsed.port,
            parsed.allow_edit,
            ready,
        )
    except KeyboardInterrupt:
        print(file=sys.stderr)
