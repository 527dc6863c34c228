"""`search eval`: a kept network scored on the test set."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "score a network that a run has kept, on the test set or on other images"
    one = commands.add_parser("eval", help=text, description=text, allow_abbrev=False)
    one.add_argument("space", metavar="SPACE", help="a space file, a ready-made one, a run folder")
    one.add_argument("--recipe", metavar="NAME", help="which run of the space")
    one.add_argument("--out", type=Path, metavar="FOLDER", help="the run folder")
    one.add_argument("--trial", type=int, metavar="N", help="which training; the best if left out")
    one.add_argument("--data", metavar="NAME", help="other images: cifar10, folder:PATH")
    one.add_argument("--part", choices=("test", "validation"), default="test")
    one.add_argument("--data-root", type=Path, metavar="FOLDER", help="where the images lie")
    one.add_argument("--device", default="auto", help="auto, cpu, cuda")
    one.add_argument("--json", action="store_true", help="print one JSON document")
    one.set_defaults(run=evaluate)


def evaluate(parsed: argparse.Namespace) -> None:
    """Print the score."""
    from search.place import placed
    from search.scoring import looked_at, openings, score
    from spaces import SpaceError

    place = placed(parsed.space, parsed.recipe, parsed.out, root=parsed.data_root)
    with place.reading() as study:
        rows = {row.number: row for row in study.rows()}
        best = study.best()
        number = study.best_seed(best) if best and parsed.trial is None else parsed.trial
    if number is None:
        raise SpaceError(f"{place.folder.path}: no training has come to a score")
    if number not in rows:
        raise SpaceError(f"there is no trial {number}; there are 0 to {max(rows, default=0)}")
    row = rows[number]
    found = score(
        place.experiment,
        place.folder,
        row,
        parsed.data,
        parsed.part,
        parsed.data_root,
        parsed.device,
    )
    opened = openings(place.folder)
    if parsed.json:
        print(
            json.dumps(
                {
                    "trial": number,
                    "part": found.part,
                    "images": found.images,
                    "provenance": found.provenance,
                    "accuracy": found.scores.accuracy,
                    "top5": found.scores.top5,
                    "test_set_opened": opened,
                },
                indent=1,
            )
        )
        return
    print(
        f"trial {number}: accuracy {found.scores.accuracy:.4f}, top-5 {found.scores.top5:.4f} on "
        f"{found.images:,} {found.part} images ({found.provenance})"
    )
    if found.part == "test":
        print(looked_at(opened))
