"""Prove that exported files are the networks they were made from, in a process without us."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from search import clean
from search.clean import Evidence, evidence
from search.standalone import Original
from search.weights import load_tensors
from spaces import SpaceError

# torch may lie where an isolated interpreter does not look, as in a user's own site-packages
START = (
    "import runpy, sys; sys.path.append(sys.argv[2]); runpy.run_path(sys.argv[1], {}, '__main__')"
)


class ProofError(Exception):
    """An exported file that is not the network it was made from."""


@dataclass(frozen=True)
class Draft:
    """A file that is not proved yet, and the weights to prove it with."""

    original: Original
    name: str
    source: Path
    weights: Path
    sizes: Sequence[Sequence[int]]


def prove(drafts: Sequence[Draft], workplace: Path) -> list[dict[str, object]]:
    """Return what is proved of each file; one clean interpreter examines them all."""
    jobs = workplace / "jobs.json"
    jobs.write_text(json.dumps([job(draft) for draft in drafts]), encoding="utf-8")
    home = Path(torch.__file__).parent.parent
    command = [sys.executable, "-I", "-c", START, clean.__file__, str(home), str(jobs)]
    with (
        (workplace / "log").open("w+", encoding="utf-8", errors="replace") as log,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log) as examining,
    ):
        expected = [shown(draft) for draft in drafts]
        examining.wait()
        log.seek(0)
        words = log.read()
    return [proved(*pair, words) for pair in zip(drafts, expected, strict=True)]


def job(draft: Draft) -> dict[str, object]:
    """Say what the clean interpreter is to do with a file."""
    return {
        "name": draft.name,
        "source": str(draft.source),
        "weights": str(draft.weights),
        "sizes": draft.sizes,
        "classes": choosable(draft.original),
        "library": draft.original.library,
        "evidence": str(evidence_of(draft)),
    }


def shown(draft: Draft) -> Evidence:
    """Return what the original shows."""
    build, classes = rebuilt(draft.original), choosable(draft.original)
    threads = torch.get_num_threads()
    try:
        with torch.random.fork_rng(devices=[]):
            return evidence(build, str(draft.weights), draft.sizes, classes)
    finally:
        torch.set_num_threads(threads)


def proved(draft: Draft, expected: Evidence, log: str) -> dict[str, object]:
    """Compare what a file showed with what its original shows."""
    if not evidence_of(draft).exists():
        last = (log.strip().splitlines() or ["it said nothing"])[-1]
        raise ProofError(f"{draft.name}.py ended the process that examined it: {last}")
    found: Evidence = json.loads(evidence_of(draft).read_text(encoding="utf-8"))
    if "error" in found:
        raise ProofError(f"{draft.name}.py does not run by itself: {found['error']}")
    if differing := [fact for fact in expected if found.get(fact) != expected[fact]]:
        raise ProofError(
            f"{draft.name}.py is not the network it was made from; what differs first: "
            f"{differing[0]}"
        )
    return {
        "with": f"torch {torch.__version__}, Python {platform.python_version()}",
        "parameters": expected["parameters"],
        "multiply-accumulates": expected["multiply-accumulates"],
        "equal": list(expected),
    }


def evidence_of(draft: Draft) -> Path:
    """Return where the clean interpreter writes what it saw."""
    return draft.source.with_suffix(".evidence")


def rebuilt(original: Original) -> Callable[..., nn.Module]:
    """Return what builds the original as an exported file's `build` does."""

    def build(num_classes: int = original.classes, weights: str | None = None) -> nn.Module:
        network: nn.Module = original.call(num_classes)()
        if weights is not None:
            network.load_state_dict(load_tensors(weights))
        return network

    return build


def choosable(original: Original) -> int | None:
    """Return the number of classes if it can be chosen."""
    return original.classes if original.takes_classes else None


def sizes_taken(network: nn.Module, shape: Sequence[int]) -> list[list[int]]:
    """Return the size of the images, and a larger one, no square, if the network takes it."""
    channels, height, width = shape
    sizes: list[list[int]] = []
    for size in ([channels, height, width], [channels, height + 8, width + 16]):
        try:
            with torch.no_grad():
                network.eval()(torch.zeros(1, *size))
        except (ValueError, RuntimeError) as error:
            if not sizes:
                images = "x".join(map(str, size))
                raise SpaceError(f"the network takes no {images} images: {error}") from None
        else:
            sizes.append(size)
    return sizes
