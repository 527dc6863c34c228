"""What lies in a folder of class folders."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from trials.picture import SUFFIXES
from trials.split import Files

VALIDATION = ("val", "valid", "validation")


@dataclass(frozen=True)
class Tree:
    """Image files as PART/CLASS/… below a root; the last `held` of `rest` are for validation."""

    root: Path
    classes: tuple[str, ...]
    rest: tuple[str, ...]
    held: int
    test: tuple[str, ...]

    def files(self, paths: tuple[str, ...], size: int) -> Files:
        """Give these paths the labels that their folders name."""
        numbers = {name: number for number, name in enumerate(self.classes)}
        labels = torch.tensor([numbers[path.split("/")[1]] for path in paths])
        return Files(tuple(f"{self.root}/{path}" for path in paths), labels, size)

    def state(self) -> str:
        """Hash names, sizes and times of change: this folder now, on this machine."""
        digest = hashlib.blake2b(digest_size=16)
        for path, status in self._stats():
            digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def fingerprint(self) -> str:
        """Hash names, sizes and the content of about a thousand files: these images anywhere."""
        digest = hashlib.blake2b(repr(self.classes).encode(), digest_size=16)
        for path, status in self._stats():
            digest.update(f"{path} {status.st_size}\n".encode())
        paths = self.rest + self.test
        for path in paths[:: len(paths) // 1000 + 1]:
            digest.update((self.root / path).read_bytes())
        return digest.hexdigest()

    def _stats(self) -> Iterator[tuple[str, os.stat_result]]:
        for path in self.rest + self.test:
            yield path, os.stat(f"{self.root}/{path}")  # noqa: PTH116 - a Path costs more than this


def scan(root: Path) -> Tree:
    """Find train, val and test; without one of the last two, the other is the test."""
    if not root.is_dir():
        raise ValueError(f"there is no folder {root}; name its parent with --data-root")
    inside = {path.name for path in root.iterdir() if path.is_dir()}
    validation = next((name for name in VALIDATION if name in inside), None)
    test = "test" if "test" in inside else validation
    if "train" not in inside or test is None:
        raise ValueError(
            f"{root} holds the folders {sorted(inside)}; a data set is train and test (or val), "
            "each with a folder of images for every class"
        )
    return _tree(root, None if test == validation else validation, test)


def scan_imagenet(root: Path) -> Tree:
    """Find train and val, on which papers report: it is the test. ImageNet's own has no labels."""
    for name in ("train", "val"):
        if not (root / name).is_dir():
            raise ValueError(
                f"imagenet: there is no folder {root / name}; name with --data-root the folder "
                "that holds train and val, or begin with data='clutter', which is built in"
            )
    return _tree(root, None, "val")


def _tree(root: Path, validation: str | None, test: str) -> Tree:
    classes = tuple(sorted(path.name for path in (root / "train").iterdir() if path.is_dir()))
    if len(classes) < 2:
        raise ValueError(
            f"{root / 'train'} holds {len(classes)} class folders; at least 2 are needed"
        )
    train = _images(root, "train", classes)
    seen = {path.split("/")[1] for path in train}
    if seen != set(classes):
        missing = sorted(set(classes) - seen)[0]
        raise ValueError(
            f"{root / 'train' / missing} holds no image ({', '.join(SUFFIXES)}); fill it or "
            "remove it"
        )
    held = _images(root, validation, classes) if validation else ()
    return Tree(root, classes, train + held, len(held), _images(root, test, classes))


def _images(root: Path, part: str, classes: tuple[str, ...]) -> tuple[str, ...]:
    """List a part's images, class by class, each by name."""
    folders = sorted(path.name for path in (root / part).iterdir() if path.is_dir())
    for name in folders:
        if name not in classes:
            raise ValueError(
                f"{root / part / name} is a class that {root / 'train'} does not have; "
                f"it has {len(classes)}"
            )
    paths = tuple(path for name in folders for path in _below(root, f"{part}/{name}"))
    if not paths:
        raise ValueError(
            f"{root / part} holds no image in a class folder; sort its images into "
            f"folders named like those of {root / 'train'}"
        )
    return paths


def _below(root: Path, folder: str) -> list[str]:
    found = []
    for here, _, names in os.walk(root / folder, followlinks=True):
        inner = Path(here).relative_to(root).as_posix()
        found += [f"{inner}/{name}" for name in names if name.lower().endswith(SUFFIXES)]
    return sorted(found)
