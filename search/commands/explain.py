"""`search explain`: where an architecture looks, beside a baseline."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "Grad-CAM++ maps of an architecture beside a baseline, and how far its gates open"
    one = commands.add_parser("explain", help=text, description=text, allow_abbrev=False)
    one.add_argument("space", metavar="SPACE", help="a space file, a ready-made one, a run folder")
    one.add_argument("--recipe", metavar="NAME", help="which run of the space")
    one.add_argument("--out", type=Path, metavar="FOLDER", help="the run folder")
    one.add_argument("--trial", type=int, metavar="N", help="which training; the best if left out")
    one.add_argument("--beside", metavar="NAME", help="which baseline; the first if left out")
    one.add_argument("--images", type=count, default=8, metavar="N", help="how many images")
    one.add_argument("--data-root", type=Path, metavar="FOLDER", help="where the images lie")
    one.add_argument("--json", action="store_true", help="print one JSON document")
    one.set_defaults(run=explain)


def count(text: str) -> int:
    """Read how many images are drawn."""
    if not text.isdigit() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100")
    return int(text)


def explain(parsed: argparse.Namespace) -> None:
    """Write the page and the picture, and say what they show."""
    from search.explain import explain as explained
    from search.explained import page, sheet
    from search.gates import document
    from search.place import placed

    place = placed(parsed.space, parsed.recipe, parsed.out, root=parsed.data_root)
    held = explained(place, parsed.trial, parsed.beside, parsed.images, parsed.data_root)
    folder = place.folder.path / "explain"
    folder.mkdir(exist_ok=True)
    file = folder / f"trial-{held.seen[0].number}.html"
    file.write_text(page(held), encoding="utf-8")
    file.with_suffix(".png").write_bytes(sheet(held))
    if parsed.json:
        networks = [
            {
                "trial": one.number,
                "name": one.title,
                "right": [
                    guess == label for guess, label in zip(one.guesses, held.labels, strict=True)
                ],
                "gates": document(one.gates),
            }
            for one in held.seen
        ]
        print(json.dumps({"page": str(file), "networks": networks}, indent=1))
        return
    for one in held.seen:
        right = sum(guess == label for guess, label in zip(one.guesses, held.labels, strict=True))
        print(f"trial {one.number}, {one.title}: {right} of {len(held.labels)} right")
        for stage, opening in one.gates.items():
            low, _, _, _, high = opening.quantiles
            print(
                f"  gates of {stage}: {opening.mean:.3f} ± {opening.std:.3f} of what goes in, "
                f"nine tenths between {low:.3f} and {high:.3f}"
            )
    print(f"{file}, {file.with_suffix('.png').name}")
