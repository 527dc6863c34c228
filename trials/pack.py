"""A whole set in one file of tensors, kept in the user's cache folder."""

import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from trials.split import Files, Split


@dataclass(frozen=True)
class Pack:
    """A set before it is divided: what may be trained on, and the test.

    `held` are the places in `rest` of a validation split that the set comes with; `note` is what
    its name does not say of it.
    """

    rest: Split | Files
    test: Split | Files
    held: Tensor | None
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fingerprint: str
    note: str = ""


def pack(rest: Split, test: Split, classes: tuple[str, ...], held: Tensor | None = None) -> Pack:
    """Add mean, deviation and fingerprint to a set.

    The mean is of all but the test, so that it stays when a search is over and its validation
    images join the training.
    """
    mean, std = moments(rest.images)
    return Pack(rest, test, held, classes, mean, std, fingerprint((rest, test), classes))


def moments(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Take mean and deviation per channel, in 0..1, exactly: by counting bytes."""
    counts = [torch.bincount(plane.flatten(), minlength=256).double() for plane in images.unbind(1)]
    values = torch.arange(256) / 255
    shares = torch.stack(counts) / counts[0].sum()
    mean = (shares * values).sum(1)
    std = ((shares * values**2).sum(1) - mean**2).sqrt()
    return tuple(mean.tolist()), tuple(std.tolist())


def fingerprint(splits: Sequence[Split], classes: tuple[str, ...]) -> str:
    """Hash images, labels and class names: equal content, equal fingerprint, wherever it lies."""
    digest = hashlib.blake2b(repr(classes).encode(), digest_size=16)
    for split in splits:
        rows = split.images.permute(0, 2, 3, 1).contiguous()
        digest.update(repr(tuple(rows.shape)).encode())
        digest.update(rows.numpy().data)
        digest.update(split.labels.contiguous().numpy().data)
    return digest.hexdigest()


def cached(key: str, make: Callable[[], Pack]) -> Pack:
    """Open the pack made under this key before, or make it and keep it."""
    path = cache() / f"{key}.pt"
    if path.exists():
        try:
            return _read(path)
        except (RuntimeError, OSError, EOFError, TypeError, pickle.UnpicklingError):
            path.unlink()  # a damaged copy of what can be made again
    made = make()
    _write(made, path)
    return _read(path)


def cache() -> Path:
    """Return the user's cache folder of this project, made where it is missing."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "attention-search"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error
    return folder


def _write(made: Pack, path: Path) -> None:
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.stem)
    except OSError as error:
        raise _unusable(path.parent, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(_plain(made), file)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink()
        raise


def _unusable(folder: Path, error: OSError) -> ValueError:
    return ValueError(
        f"nothing can be kept in the cache folder {folder} ({error.strerror}); name another "
        "parent folder in XDG_CACHE_HOME"
    )


def _plain(made: Pack) -> dict[str, object]:
    """Take a pack apart into tensors and plain values, all that a safe reader accepts."""
    values = {**vars(made)}
    for name in ("rest", "test"):
        split = values[name]
        values[name] = (split.images.permute(0, 2, 3, 1).contiguous(), split.labels)
    return values


def _read(path: Path) -> Pack:
    """Map a pack into memory, where all processes of a machine share it."""
    values = torch.load(path, mmap=True, weights_only=True)
    for name in ("rest", "test"):
        rows, labels = values[name]
        values[name] = Split(rows.permute(0, 3, 1, 2), labels)
    return Pack(**values)
