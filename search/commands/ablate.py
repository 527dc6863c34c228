"""`search ablate`: what every decision of an architecture is worth, each row really trained."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from search.commands.machine import about_the_machine, staffed, worker_device
from search.commands.run import about_the_study, placed_by

if TYPE_CHECKING:
    from search.ablated import Ablated
    from search.driver import Options
    from search.loop import Executor
    from search.place import Place


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "leave out, put in, sweep and swap what an architecture is made of; ends with the table"
    one = commands.add_parser("ablate", help=text, description=text, allow_abbrev=False)
    one.add_argument("space", metavar="SPACE", help="a space file, a ready-made one, a run folder")
    one.add_argument(
        "--around",
        default="best",
        metavar="WHICH",
        help="best, the number of a trial, or labels: 'mix.scales=3 mix.omega=30'",
    )
    one.add_argument(
        "--match",
        choices=("macs", "params", "latency"),
        help="bring every row to what the full one costs, by its own numbers or the width",
    )
    about_the_study(one)
    about_the_machine(one)
    one.add_argument("--dry-run", action="store_true", help="show the plan and its price alone")
    one.add_argument("--json", action="store_true", help="print one JSON document at the end")
    one.add_argument("--quiet", action="store_true", help="print the final table alone")
    one.set_defaults(run=ablate)


def ablate(parsed: argparse.Namespace) -> int:
    """Plan an ablation, train what is missing of it, print its table."""
    return staffed(parsed, placed_by, driven)


def driven(parsed: argparse.Namespace, executor: Executor | None, workers: int) -> int:
    """Show the plan and its price, train what is missing, print the table."""
    from dataclasses import replace

    from search.ablated import Ablated, document
    from search.ablating import centre, priced, train, trained
    from search.ablation import plan
    from search.equal import at_equal_cost
    from search.experiment import located
    from search.forecast import forecast
    from search.loop import RepeatedError

    place, seeds = seeded(parsed)
    with located(place.experiment.path):
        rows = plan(place.experiment, centre(place, parsed.around))
        if parsed.match:
            rows = at_equal_cost(place.experiment, rows, parsed.match, parsed.device)
    held = Ablated(place.experiment, rows, trained(place), seeds)
    if not parsed.quiet:
        expected = forecast(place, parsed.device, parsed.cpus_per_trial)
        shown = sys.stderr if parsed.json else sys.stdout
        print(*priced(held, expected, max(1, workers)), sep="\n", file=shown, flush=True)
    code, is_finished = 0, True
    if executor and held.missing():
        try:
            outcome = train(place, held, options(parsed, workers), executor, max(1, workers))
        except RepeatedError as error:
            print(f"search: {error}", file=sys.stderr)
            return 1
        code, is_finished = outcome.code, outcome.is_finished
        held = replace(held, trained=trained(place))
    elif parsed.dry_run:
        if parsed.json:
            print(json.dumps(document(held), indent=1))
        return 0
    ending = ended(parsed, place, held, is_finished)
    return code or ending


def seeded(parsed: argparse.Namespace) -> tuple[Place, tuple[int, ...]]:
    """Find the place, and the seeds of the ablation; the run keeps its own."""
    from dataclasses import replace

    from search.experiment import load, resolved

    wanted, parsed.seeds = parsed.seeds, None
    place = placed_by(parsed)
    held = place.experiment
    if wanted:
        changes = {**place.changes, "seeds": tuple(range(wanted))}
        about = (held.recipe, held.shape, held.classes, place.limits, parsed.data_root, changes)
        place = replace(place, experiment=load(str(held.path), *about))
    recipe = resolved(place.experiment.recipe_value)
    return place, recipe.seeds if recipe else (0,)


def options(parsed: argparse.Namespace, workers: int) -> Options:
    """Read the options of the drive."""
    from search.driver import Options

    return Options(
        device=parsed.device,
        worker_device=worker_device(parsed.device, workers),
        threads=parsed.cpus_per_trial,
        time_limit=parsed.time_limit and 3600 * parsed.time_limit,
        root=parsed.data_root,
        download=parsed.download,
        quiet=parsed.quiet,
    )


def ended(parsed: argparse.Namespace, place: Place, held: Ablated, is_finished: bool) -> int:
    """Print the table, and lay it beside the study; return the exit code."""
    from search.ablated import csv, document, table
    from search.survey import names
    from search.tables import as_latex, as_markdown

    made, folder = table(held), place.folder.path / "ablation"
    full = names(held.plan[0].architecture)
    title = f"{place.experiment.name}, recipe {place.experiment.recipe}, around {full}"
    forms = {"md": as_markdown(made), "csv": csv(held), "tex": as_latex(made, title)}
    name = "-".join(filter(None, [held.plan[0].architecture.key, parsed.match]))
    folder.mkdir(exist_ok=True)
    for suffix, text in forms.items():
        (folder / f"{name}.{suffix}").write_text(text, encoding="utf-8")
    if parsed.json:
        print(json.dumps({**document(held), "run": str(place.folder.path)}, indent=1))
    else:
        if not is_finished:
            print(f"not finished; `search ablate {place.named}` goes on")
        print(forms["md"])
        print(f"{folder}: {name}.md, .csv, .tex")
    return 0 if held.comparison else 3
