"""Images per second and core from JPEG files of ImageNet's kind: our stream beside torchvision.

    python -m tests.benchmarks.imagenet_path          one core and its worker, about two minutes
    python -m tests.benchmarks.imagenet_path --json

The peer is the usual script: ImageFolder's loader, a resized crop over PIL, flip, ToTensor and
Normalize in a DataLoader with one worker. Both take the same crops of the same files, 500×375 and
about 90 kB, which are made first; what differs in the pixels is reported. The third row is the
same stream after the files were shrunk once. Time is that of all processes.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.datasets.folder import default_loader
from torchvision.transforms import functional as vision

from tests.benchmarks.data_path import measure
from trials.augment import COLUMNS, DRAWS
from trials.batches import Batches
from trials.box import resized
from trials.folder import MEAN, STD
from trials.picture import read
from trials.shrink import shrink_tree, shrunk
from trials.split import Files
from trials.tree import scan

BATCH, SIZE = 32, 224
PICTURES = 128
GOAL = 1.4


def photograph(seed: int) -> Image.Image:
    """Draw a picture whose detail falls off as that of photographs does."""
    generator = torch.Generator().manual_seed(seed)
    picture = torch.zeros(3, 375, 500)
    for cells in (2, 5, 12, 30, 75, 190, 375):
        coarse = torch.randn(1, 3, cells, cells * 4 // 3, generator=generator)
        layer = F.interpolate(coarse, (375, 500), mode="bicubic", align_corners=False)[0]
        picture += layer / cells**0.35
    picture = 0.5 + 0.15 * picture
    picture = picture if seed % 4 else picture.transpose(1, 2)
    return vision.to_pil_image(picture.clamp(0, 1))


def make(root: Path) -> int:
    """Write a set of pictures; return their mean size in bytes."""
    for part, number in (("train", PICTURES), ("val", 2)):
        for place in range(number):
            path = root / part / f"class {place % 2}" / f"{place}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            photograph(place).save(path, quality=95)
    sizes = [path.stat().st_size for path in (root / "train").rglob("*.jpg")]
    return sum(sizes) // len(sizes)


class Usual(Dataset[tuple[Tensor, int]]):
    """ImageFolder with RandomResizedCrop, whose boxes are handed in."""

    def __init__(self, files: Files, draws: Tensor) -> None:
        self.files, self.draws = files, draws[:, DRAWS["resized-crop"]].tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.files)

    def crop(self, index: int) -> Image.Image:
        image = default_loader(self.files.paths[index])
        box = resized(self.draws[index], image.height, image.width)
        return vision.resized_crop(image, *box, [SIZE, SIZE])

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.crop(index)), int(self.files.labels[index])


def usual(files: Files, draws: Tensor) -> None:
    for _ in DataLoader(Usual(files, draws), BATCH, shuffle=True, num_workers=1, drop_last=True):
        pass


def ours(files: Files) -> None:
    cpu, names = torch.device("cpu"), ("resized-crop", "flip")
    batches = Batches(files, BATCH, names, MEAN, STD, cpu, torch.float32)
    for _ in batches.epoch(torch.Generator().manual_seed(0)):
        pass


def drawn(count: int) -> Tensor:
    """Return the draws that our epoch makes, for each file."""
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(count, generator=generator)
    return torch.rand(count, COLUMNS, generator=generator)[order.argsort()]


def difference(files: Files, peer: Usual) -> float:
    """Return how far our crops of 32 files are from the peer's on average, of 255 levels."""
    apart = []
    for index, path in enumerate(files.paths[:32]):
        crop = read(path, SIZE, partial(resized, peer.draws[index])).permute(2, 0, 1)
        expected = vision.pil_to_tensor(peer.crop(index))
        apart.append((crop.float() - expected).abs().mean().item())
    return statistics.mean(apart)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        document = run(Path(folder) / "set", given.images, given.rounds)
    print(json.dumps(document, indent=2) if given.json else text(document))
    return int(any(row["goal"] and row["ratio"] < row["goal"] for row in document["rows"]))


def run(root: Path, count: int, rounds: int) -> dict[str, Any]:
    size = make(root)
    tree = scan(root)
    shrink_tree(tree, SIZE)
    small = shrunk(tree, SIZE)
    assert small is not None
    again = torch.arange(count) % PICTURES
    files, fewer = (some.files(some.rest, SIZE).take(again) for some in (tree, small))
    draws = drawn(count)
    epochs: dict[str, Callable[[], None]] = {
        "torchvision over PIL": partial(usual, files, draws),
        "ours": partial(ours, files),
        "ours, files shrunk once": partial(ours, fewer),
    }
    taken = measure(epochs, count // BATCH * BATCH, rounds)
    peer = Usual(files, draws)
    apart = [0.0, difference(files, peer), difference(fewer, peer)]
    return {
        "machine": platform.machine(),
        "torch": torch.__version__,
        "images": count,
        "bytes_per_image": size,
        "rows": [
            {
                "path": name,
                "images_per_second_and_core": round(1e6 / one, 1),
                "ratio": round(taken["torchvision over PIL"] / one, 2),
                "levels_apart": round(levels, 2),
                "goal": GOAL if name == "ours" else None,
            }
            for (name, one), levels in zip(taken.items(), apart, strict=True)
        ],
    }


def text(document: dict[str, Any]) -> str:
    lines = [
        f"{document['images']} JPEG files of {document['bytes_per_image'] / 1000:.0f} kB, "
        f"torch {document['torch']}, {document['machine']}"
    ]
    for row in document["rows"]:
        goal = f"   goal {row['goal']:g}x" if row["goal"] else ""
        lines.append(
            f"{row['path']:26}{row['images_per_second_and_core']:>9.1f} images/s per core"
            f"{row['ratio']:>7.2f}x   {row['levels_apart']} of 255 levels apart{goal}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
