"""`search export`: the best of a run as one file that needs nothing but torch, proved."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.exports import Exported


def add(commands: Any) -> None:
    """Describe the verb."""
    text = "write the best network of a run as one file that needs nothing but torch, proved"
    one = commands.add_parser("export", help=text, description=text, allow_abbrev=False)
    one.add_argument("space", metavar="SPACE", help="a space that was run, or a run folder")
    one.add_argument("--recipe", metavar="NAME", help="of which recipe's run; the file's first")
    which = one.add_mutually_exclusive_group()
    which.add_argument("--trial", type=int, metavar="N", help="this training, not the best")
    which.add_argument("--front", action="store_true", help="every architecture on the front")
    which.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="BOUND",
        help="the best within it: 'params<=26e6', 'macs<1.3G'; may be repeated",
    )
    one.add_argument("--out", type=Path, metavar="FOLDER", help="the run's own export if left out")
    one.add_argument("--name", default="", help="what the file is called, and imported as")
    one.add_argument(
        "--format",
        action="append",
        default=[],
        choices=("py", "pt2", "onnx"),
        help="py, the file, if left out; pt2 and onnx are graphs; may be repeated",
    )
    one.add_argument("--pth", action="store_true", help="the weights as plain tensors of torch too")
    one.add_argument(
        "--for",
        action="append",
        default=[],
        choices=("torchvision", "timm", "mmdet"),
        dest="libraries",
        help="beside it a file that takes it into a library; may be repeated",
    )
    one.add_argument("--code-only", action="store_true", help="the network without weights")
    one.add_argument("--force", action="store_true", help="replace an export of the same name")
    one.add_argument("--storage", default="", metavar="URL", help="the database, if it has its own")
    one.add_argument("--study", default="", metavar="NAME", help="what the study is called in it")
    one.add_argument("--json", action="store_true", help="print one JSON document")
    one.set_defaults(run=export)


def export(parsed: argparse.Namespace) -> int:
    """Export what is asked for; 4 where it does not prove right."""
    from search.exports import ProofError
    from search.winners import Wish, begun, exported

    place = begun(parsed.space, parsed.recipe, parsed.storage, parsed.study)
    wish = Wish(parsed.trial, parsed.front, tuple(parsed.at), parsed.name, not parsed.code_only)
    formats = [*(parsed.format or ["py"]), *["pth"] * parsed.pth, *parsed.libraries]
    try:
        done = exported(place, wish, parsed.out, formats, parsed.force)
    except ProofError as error:
        print(f"search: {error}; nothing was written", file=sys.stderr)
        return 4
    print(as_json(done) if parsed.json else as_text(done))
    return 0


def as_json(done: list[Exported]) -> str:
    """Write what was exported as one document."""
    entries = {
        one.name: {"files": list(map(str, one.files)), **one.entry, "manifest": str(one.manifest)}
        for one in done
    }
    return json.dumps(entries, indent=1, ensure_ascii=False)


def as_text(done: list[Exported]) -> str:
    """Write what was exported for a person."""
    from search.standalone import shown

    lines = []
    for one in done:
        about = one.entry["about"]
        choices = " ".join(f"{name}={label}" for name, label in about["choices"].items())
        preview = "PREVIEW  " if "PREVIEW" in about else ""
        lines.append(f"{preview}{one.name}: {choices or 'the only architecture'}")
        lines += [f"    {name} = {shown(value)}" for name, value in about["scores"].items()]
        lines += [f"    {told}" for told in map(proof, one.entry["proof"].items())]
        lines += [*map(str, one.files), ""]
    lines.append(f"{done[0].manifest} has hashes, versions and proofs")
    return "\n".join(lines)


def proof(held: tuple[str, dict[str, Any]]) -> str:
    """Say what was proved of a file."""
    form, found = held
    if form == "py":
        return f"proved: equal to the last bit where there is nothing but torch; {found['with']}"
    return f"proved: .{form} is at most {found['largest difference']:.1g} apart; {found['with']}"
