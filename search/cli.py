"""The command line: what a user types, and the one place where their mistakes are printed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from search.ours import foreign_packages

DESCRIPTION = "Find out which attention module belongs where in a CNN, and at what price."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parsed = parser().parse_args(arguments)
    if problem := foreign_packages():
        return refused(problem)
    from spaces import SpaceError

    command: Callable[[argparse.Namespace], None] = parsed.run
    try:
        command(parsed)
    except SpaceError as error:
        return refused(str(error))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return 0


def refused(text: str) -> int:
    """Print what the user can mend, in one line."""
    print(f"search: {text}", file=sys.stderr)
    return 2


def parser() -> argparse.ArgumentParser:
    """Describe every command and its options."""
    top = argparse.ArgumentParser("search", description=DESCRIPTION, allow_abbrev=False)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    text = "the choices of a space, its exact size and what it costs; nothing is trained"
    one = commands.add_parser("show", help=text, description=text, allow_abbrev=False)
    one.add_argument("space", metavar="SPACE", help="a space file, or the name of a ready-made one")
    one.add_argument("--recipe", metavar="NAME", help="take input, classes and stem from it")
    one.add_argument("--all", action="store_true", help="list every architecture")
    one.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="BOUND",
        help="keep what is within it: 'macs<=1.3e9', 'params<26M'; may be repeated",
    )
    one.add_argument("--input", type=image_shape, metavar="CxHxW", help="such as 3x224x224")
    one.add_argument("--classes", type=int, metavar="N")
    one.add_argument("--data-root", type=Path, metavar="FOLDER", help="where the images lie")
    one.add_argument(
        "--measure", metavar="DEVICE", help="measure latency and peak memory there: cpu, cuda"
    )
    one.add_argument(
        "--paper", action="store_true", help="print the published tables beside our own counts"
    )
    one.add_argument("--batch", type=int, default=1, metavar="N", help="images per measured pass")
    form = one.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON document")
    form.add_argument("--csv", action="store_true", help="print the table as CSV")
    one.set_defaults(run=show)

    text = "download or unpack a data set once, ahead of time"
    data_parser = commands.add_parser("data", help=text, description=text, allow_abbrev=False)
    data_parser.add_argument("name", metavar="NAME", help="cifar100, imagenet, folder:PATH, …")
    data_parser.add_argument("--data-root", type=Path, metavar="FOLDER", help="where it lies")
    data_parser.set_defaults(run=data)

    text = "the modules: site, parameters, paper, constraints"
    zoo_parser = commands.add_parser("zoo", help=text, description=text, allow_abbrev=False)
    zoo_parser.set_defaults(run=zoo)
    return top


def image_shape(text: str) -> tuple[int, int, int]:
    """Read a shape such as 3x224x224."""
    sizes = text.split("x")
    if len(sizes) != 3 or not all(size.isdigit() and int(size) for size in sizes):
        raise argparse.ArgumentTypeError(f"{text!r} does not read like 3x224x224")
    return int(sizes[0]), int(sizes[1]), int(sizes[2])


def show(parsed: argparse.Namespace) -> None:
    """Print what a space holds and costs."""
    from search import paper
    from search.experiment import load, located
    from search.show import as_csv, as_json, as_text
    from search.survey import measured, survey

    experiment = load(
        parsed.space,
        parsed.recipe,
        parsed.input,
        parsed.classes,
        parsed.limit,
        parsed.data_root,
    )
    if parsed.paper:
        tables = paper.compare(experiment)
        print(paper.as_json(tables) if parsed.json else paper.as_text(tables))
        return
    with located(experiment.path):
        found = survey(experiment, parsed.all)
        if parsed.measure:
            measured(found, parsed.measure, parsed.batch)
    form = as_json if parsed.json else as_csv if parsed.csv else as_text
    print(form(found))


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


def zoo(_: argparse.Namespace) -> None:
    """Print the modules as a table."""
    from search.zoo import zoo

    rows = list(zoo())
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
