"""`search show`: what a space holds and costs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "the choices of a space, its exact size and what it costs; nothing is trained"
    one = commands.add_parser("show", help=text, description=text, allow_abbrev=False)
    one.add_argument(
        "space", metavar="SPACE", nargs="?", help="a space file, or the name of a ready-made one"
    )
    one.add_argument(
        "--sites",
        nargs="+",
        metavar=("NETWORK", "PATTERN"),
        help="the places of a network for graft, such as torchvision.models.resnet50, and what "
        "patterns hit there: 'layer3.*'",
    )
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
    from spaces import SpaceError

    if parsed.sites:
        print(listed(parsed))
        return
    if parsed.space is None:
        raise SpaceError("show needs a SPACE, or --sites NETWORK")
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


def listed(parsed: argparse.Namespace) -> str:
    """Return the places of a network that somebody else wrote."""
    from search.sites import as_json, sites
    from spaces import SpaceError

    if parsed.space is not None:
        raise SpaceError(
            f"--sites lists a network's places; {parsed.space!r} beside it is too much"
        )
    network, *patterns = parsed.sites
    return (as_json if parsed.json else sites)(network, patterns, parsed.input)
