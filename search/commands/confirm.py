"""`search confirm`: the front and the baselines once more, on fresh seeds, then the test set."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.commands.ablate import options
from search.commands.machine import about_the_machine, staffed
from search.commands.values import count

if TYPE_CHECKING:
    from search.loop import Executor
    from search.place import Place


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "train front and baselines again, on fresh seeds and all images, for the test set"
    one = commands.add_parser("confirm", help=text, description=text, allow_abbrev=False)
    one.add_argument("space", metavar="SPACE", help="a space file, a ready-made one, a run folder")
    one.add_argument("--recipe", metavar="NAME", help="which run of the space")
    one.add_argument("--out", type=Path, metavar="FOLDER", help="the run folder")
    one.add_argument("--seeds", type=count, default=5, metavar="N", help="trainings of each")
    one.add_argument("--storage", default="", metavar="URL", help="another database")
    one.add_argument("--study", default="", metavar="NAME", help="what the study is called in it")
    about_the_machine(one)
    one.add_argument("--dry-run", action="store_true", help="say what would be trained")
    one.add_argument("--json", action="store_true", help="print one JSON document at the end")
    one.add_argument("--quiet", action="store_true", help="print the final table alone")
    one.set_defaults(run=confirm)


def confirm(parsed: argparse.Namespace) -> int:
    """Train what is missing of the confirmation, and print its table."""
    return staffed(parsed, begun, driven)


def begun(parsed: argparse.Namespace) -> Place:
    """Find the run that is to be confirmed."""
    from search.place import placed

    return placed(
        parsed.space,
        parsed.recipe,
        parsed.out,
        root=parsed.data_root,
        storage=parsed.storage,
        study=parsed.study,
    )


def driven(parsed: argparse.Namespace, executor: Executor | None, workers: int) -> int:
    """Show what is confirmed, train what is missing, open the test set, print the table."""
    from dataclasses import replace

    from search.ablated import Ablated, csv, document, table
    from search.ablating import priced, train, trained
    from search.confirmation import confirming, opened, remarks, selected
    from search.experiment import resolved
    from search.forecast import forecast
    from search.loop import RepeatedError
    from search.tables import as_latex, as_markdown

    searched = begun(parsed)
    rows = selected(searched)
    place = confirming(searched, parsed.seeds, parsed.data_root)
    recipe = resolved(place.experiment.recipe_value)
    held = Ablated(place.experiment, rows, trained(place), recipe.seeds if recipe else ())
    if not parsed.quiet:
        expected = forecast(place, parsed.device, parsed.cpus_per_trial)
        shown = sys.stderr if parsed.json else sys.stdout
        print(*priced(held, expected, max(1, workers)), sep="\n", file=shown, flush=True)
    code = 0
    if executor and held.missing():
        try:
            outcome = train(place, held, options(parsed, workers), executor, max(1, workers))
        except RepeatedError as error:
            print(f"search: {error}", file=sys.stderr)
            return 1
        code, held = outcome.code, replace(held, trained=trained(place))
    if parsed.dry_run:
        return 0
    made = table(held)
    made = replace(made, notes=(*made.notes, *remarks(opened(place, held))))
    folder = place.folder.path / "confirm"
    folder.mkdir(exist_ok=True)
    title = f"{place.experiment.name}, recipe {place.experiment.recipe}, on the test set"
    forms = {"md": as_markdown(made), "csv": csv(held), "tex": as_latex(made, title)}
    for suffix, text in forms.items():
        (folder / f"confirm.{suffix}").write_text(text, encoding="utf-8")
    if parsed.json:
        print(json.dumps({**document(held), "run": str(place.folder.path)}, indent=1))
    else:
        print(forms["md"])
        print(f"{folder}: confirm.md, .csv, .tex")
    return code or (0 if held.comparison else 3)
