"""`search run`: a space is searched, or gone on with."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.commands.machine import about_the_machine, staffed, worker_device
from search.commands.values import count, positive, setting, whole

if TYPE_CHECKING:
    from search.driver import Options, Outcome, Run
    from search.loop import Executor
    from search.place import Place


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "try the architectures of a space, or go on where it was left; ends with the front"
    one = commands.add_parser("run", help=text, description=text, allow_abbrev=False)
    one.add_argument("space", metavar="SPACE", help="a space file, a ready-made one, a run folder")
    about_the_study(one)
    about_the_machine(one)
    one.add_argument(
        "--pick",
        action="append",
        default=[],
        metavar="LABELS",
        help="train just this one: 'mix.scales=3 mix.omega=30'; may be repeated",
    )
    one.add_argument("--trials", type=count, metavar="N", help="architectures in all, seeds apart")
    one.add_argument(
        "--hours", type=positive, default=inf, help="stop after so long, to go on later"
    )
    one.add_argument(
        "--further",
        type=whole,
        default=0,
        metavar="N",
        help="trainings beyond, for the seeds that decide who is on the front",
    )
    one.add_argument(
        "--stopping",
        default="auto",
        help="end early what is clearly worse: front, by its price; asha, by the score; none",
    )
    one.add_argument("--sampler", default="auto", help="auto, tpe, nsga2, random, gp")
    one.add_argument("--sampler-seed", type=int, default=0, metavar="N")
    one.add_argument("--fork", action="store_true", help="keep what was begun otherwise, and begin")
    one.add_argument("--dry-run", action="store_true", help="say what would be done, and how long")
    one.add_argument("--keep-all", action="store_true", help="keep the weights of all trainings")
    one.add_argument("--json", action="store_true", help="print one JSON document at the end")
    one.add_argument("--quiet", action="store_true", help="print the final table alone")
    one.set_defaults(run=run)


def about_the_study(one: Any) -> None:
    """Describe the options that say which study it is."""
    one.add_argument("--recipe", metavar="NAME", help="how to train; the file's first if left out")
    one.add_argument("--seeds", type=count, metavar="N", help="trainings of each architecture")
    one.add_argument(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="FIELD=VALUE",
        help="change a field of the recipe: epochs=5; may be repeated",
    )
    one.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="BOUND",
        help="reject what is past it: 'macs<=1.3e9', 'params<26M'; may be repeated",
    )
    one.add_argument("--out", type=Path, metavar="FOLDER", help="the run folder")
    one.add_argument(
        "--storage", default="", metavar="URL", help="another database: postgresql://…"
    )
    one.add_argument("--study", default="", metavar="NAME", help="what the study is called in it")


def run(parsed: argparse.Namespace) -> int:
    """Search a space."""
    return staffed(parsed, placed_by, driven)


def driven(parsed: argparse.Namespace, executor: Executor | None, workers: int) -> int:
    """Drive the study with an executor; without one, say what would be done."""
    from search.driver import Run
    from search.loop import RepeatedError

    place = placed_by(parsed)
    ways = options(parsed, place, workers)
    if executor is None:
        return planned(place, ways, workers)
    one = Run(place, ways, executor, max(1, workers))
    with place.driven(parsed.sampler, parsed.sampler_seed, parsed.fork) as study:
        try:
            outcome = one(study)
        except RepeatedError as error:
            print(f"search: {error}", file=sys.stderr)
            return 1
    return ended(parsed, one, outcome)


def placed_by(parsed: argparse.Namespace) -> Place:
    """Find what the options name."""
    from search.place import placed

    changes = dict(parsed.set)
    if parsed.seeds:
        changes["seeds"] = tuple(range(parsed.seeds))
    return placed(
        parsed.space,
        parsed.recipe,
        parsed.out,
        changes=changes,
        limits=parsed.limit,
        root=parsed.data_root,
        storage=parsed.storage,
        study=parsed.study,
    )


def options(parsed: argparse.Namespace, place: Place, workers: int) -> Options:
    """Read the options of the drive."""
    from search.driver import Options
    from search.place import picked

    return Options(
        trials=parsed.trials,
        hours=parsed.hours,
        picks=[picked(text, place) for text in parsed.pick],
        device=parsed.device,
        worker_device=worker_device(parsed.device, workers),
        threads=parsed.cpus_per_trial,
        time_limit=parsed.time_limit and 3600 * parsed.time_limit,
        root=parsed.data_root,
        download=parsed.download,
        keep_all=parsed.keep_all,
        stopping=parsed.stopping,
        further=parsed.further,
        quiet=parsed.quiet,
    )


def planned(place: Place, ways: Options, workers: int) -> int:
    """Say what a run would do; nothing is written."""
    from search.driver import Run
    from search.forecast import forecast
    from search.workers import Workers

    with Workers(0) as nobody:
        one = Run(place, ways, nobody, max(1, workers))
        for line in one.plan(forecast(place, ways.device, ways.threads)):
            print(line)
    return 0


def ended(parsed: argparse.Namespace, one: Run, outcome: Outcome) -> int:
    """Print what has come out, and what to do next; return the exit code."""
    from search.aftermath import REPORT, left_behind
    from search.summary import as_text, document, summary

    place = one.place
    with place.reading() as study:
        lines = summary(study)
        is_empty = study.best() is None
        table = list(as_text(study, lines))
        told = {**document(study, lines), "run": str(place.folder.path)}
    is_new = outcome.trained or not (place.folder.path / REPORT).exists()
    files = list(left_behind(place)) if outcome.is_finished and is_new else []
    if parsed.json:
        print(json.dumps({**told, "left": files}, indent=1))
    else:
        print("\n".join(closing(one, outcome, table, files)))
    if outcome.code or not outcome.is_finished:
        return outcome.code
    return 3 if is_empty else 0


def closing(one: Run, outcome: Outcome, table: list[str], files: list[str]) -> Iterable[str]:
    """Yield the last lines of a run."""
    place, again = one.place, one.place.named
    if not outcome.is_finished:
        yield f"not finished; `search run {again}` goes on"
    elif not outcome.trained:
        yield "nothing is left to train"
    if place.experiment.is_preview:
        yield "PREVIEW: a smaller network on fewer images"
    yield from table
    yield f"{place.folder.path}: study.db, log.jsonl, trials"
    yield from files
    if outcome.is_finished:
        verbs = ("dashboard {}", "eval {}", "export {} --front")
        yield "next: " + " · ".join(f"search {verb.format(again)}" for verb in verbs)
    if outcome.is_finished and outcome.trained:
        yield from one.real()
