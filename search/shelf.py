"""Images that one process of a machine has loaded, mapped into the memory of all that want them."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch

from trials.data import Data
from trials.split import Files, Split

SPLITS = ("train", "validation", "test")


def shared(folder: Path, key: str, load: Callable[[], Data]) -> Data:
    """Return the data that lie under a key; who comes first loads them, the others wait.

    What cannot be laid down, for want of room or because it is more than images and labels, is
    each process's own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.images"
    with path.with_suffix(".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return taken(path)
        data = load()
        if type(data) is not Data:
            return data
        draft = path.with_suffix(".new")
        try:
            torch.save(plain(data), draft)
        except (OSError, RuntimeError):
            # on a full disk torch complains of its own archive
            draft.unlink(missing_ok=True)
            return data
        draft.rename(path)
        return taken(path)


def plain(data: Data) -> dict[str, object]:
    """Take data apart into tensors and plain values, all that a safe reader accepts."""
    values = {**vars(data)}
    for name in SPLITS:
        split = values[name]
        values[name] = (
            (split.paths, split.labels, split.size)
            if isinstance(split, Files)
            else (split.images.permute(0, 2, 3, 1).contiguous(), split.labels)
        )
    return values


def taken(path: Path) -> Data:
    """Map data into memory, where all processes of a machine share them."""
    values = cast(dict[str, object], torch.load(path, mmap=True, weights_only=True))
    for name in SPLITS:
        parts = values[name]
        assert isinstance(parts, tuple)
        values[name] = (
            Files(*parts) if len(parts) == 3 else Split(parts[0].permute(0, 3, 1, 2), parts[1])
        )
    # fields as `plain` wrote them
    return Data(**values)  # type: ignore[arg-type]
