"""Processor time per CIFAR image, cropped, flipped and normalised: our batches beside torchvision.

    python -m tests.benchmarks.data_path          one core, about a minute
    python -m tests.benchmarks.data_path --json

The peers are torchvision's transforms over PIL in a DataLoader, with no and with two workers, whose
time counts. All take turns; a row is the median of its epochs. Every crop of an epoch is compared
with a slice of the padded image, and the embedded set is made once, without the cache.
"""

import argparse
import json
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.nn import functional as F

from tests.benchmarks.training import BATCH, MEAN, STD, images, loader
from trials.augment import COLUMNS, DRAWS
from trials.batches import Batches
from trials.clutter import clutter
from trials.split import Split

GOAL = 10.0
CLUTTER_GOAL = 5.0
CPU = torch.device("cpu")


def ours(split: Split, dtype: torch.dtype) -> Callable[[], None]:
    batches = Batches(split, BATCH, ("crop", "flip"), MEAN, STD, CPU, dtype)
    generator = torch.Generator().manual_seed(0)

    def epoch() -> None:
        for _ in batches.epoch(generator):
            pass

    return epoch


def usual(split: Split, workers: int) -> None:
    # a loader of its own for each epoch: only workers that have ended are in the account
    for _ in loader(split, workers):
        pass


def processor_seconds() -> float:
    accounts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(account.ru_utime + account.ru_stime for account in accounts)


def measure(epochs: dict[str, Callable[[], None]], count: int, rounds: int) -> dict[str, float]:
    """Let all take turns, after one epoch each to warm up; return microseconds per image."""
    seconds: dict[str, list[float]] = {name: [] for name in epochs}
    for turn in range(rounds + 1):
        for name, epoch in epochs.items():
            started = processor_seconds()
            epoch()
            if turn:
                seconds[name].append(processor_seconds() - started)
    return {name: statistics.median(taken) / count * 1e6 for name, taken in seconds.items()}


def equal_to_slices(split: Split) -> bool:
    """Compare every image of an epoch with the slice that its draws describe, bit by bit."""
    raw = Batches(split, BATCH, ("crop", "flip"), (0.0,) * 3, (1 / 255,) * 3, CPU, torch.float32)
    generator = torch.Generator().manual_seed(1)
    order = torch.randperm(len(split), generator=generator)
    draws = torch.rand(len(split), COLUMNS, generator=generator)
    cut = torch.cat([some for some, _ in raw.epoch(generator.manual_seed(1))]).round()
    for ours, place, numbers in zip(cut, order, draws, strict=False):
        sheet = F.pad(split.images[place], (4, 4, 4, 4))
        if numbers[DRAWS["flip"]] < 0.5:
            sheet = sheet.flip(2)
        top, left = (numbers[DRAWS["crop"]] * 9).long().tolist()
        if not torch.equal(ours, sheet[:, top : top + 32, left : left + 32].float()):
            return False
    return True


def clutter_seconds() -> float:
    started = time.process_time()
    clutter(0.2)
    return time.process_time() - started


def rows(taken: dict[str, float]) -> list[dict[str, Any]]:
    peer = taken["torchvision, 0 workers"]
    return [
        {
            "path": name,
            "microseconds": round(one, 2),
            "ratio": round(peer / one, 1),
            "goal": GOAL if name.startswith("ours, fp32") else None,
        }
        for name, one in taken.items()
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    torch.set_num_threads(1)
    split = images(given.images)
    epochs = {
        "torchvision, 0 workers": partial(usual, split, 0),
        "torchvision, 2 workers": partial(usual, split, 2),
        "ours, fp32": ours(split, torch.float32),
        "ours, bf16": ours(split, torch.bfloat16),
    }
    table = rows(measure(epochs, given.images // BATCH * BATCH, given.rounds))
    document = {
        "machine": platform.machine(),
        "torch": torch.__version__,
        "images": given.images,
        "rows": table,
        "equal_to_slices": equal_to_slices(images(5000)),
        "clutter_seconds": round(clutter_seconds(), 2),
    }
    print(json.dumps(document, indent=2) if given.json else text(document))
    slow = any(row["goal"] and row["ratio"] < row["goal"] for row in table)
    return int(
        slow or not document["equal_to_slices"] or document["clutter_seconds"] > CLUTTER_GOAL
    )


def text(document: dict[str, Any]) -> str:
    lines = [f"{document['images']:,} images, torch {document['torch']}, {document['machine']}"]
    for row in document["rows"]:
        goal = f"   goal {row['goal']:g}x" if row["goal"] else ""
        lines.append(f"{row['path']:26}{row['microseconds']:>9.2f} µs{row['ratio']:>8.1f}x{goal}")
    equal = "equal" if document["equal_to_slices"] else "NOT equal"
    lines.append(f"crops and flips are bit for bit {equal} to slices of the padded image")
    made = document["clutter_seconds"]
    lines.append(
        f"clutter, 6,000 + 1,500 + 1,500 images, made in {made} s; goal {CLUTTER_GOAL:g} s"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
