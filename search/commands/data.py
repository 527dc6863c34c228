"""`search data`: a data set made ready ahead of time."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "download or unpack a data set once, ahead of time"
    one = commands.add_parser("data", help=text, description=text, allow_abbrev=False)
    one.add_argument("name", metavar="NAME", help="cifar100, imagenet, folder:PATH, …")
    one.add_argument("--data-root", type=Path, metavar="FOLDER", help="where it lies")
    one.set_defaults(run=data)


def data(parsed: argparse.Namespace) -> None:
    """Prepare a data set."""
    from spaces import SpaceError
    from trials.data import prepare
    from trials.recipe import Recipe

    try:
        Recipe(data=parsed.name)
        print(prepare(parsed.name, parsed.data_root))
    except (ValueError, OSError) as error:
        raise SpaceError(str(error)) from None
