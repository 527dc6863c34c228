"""Large images made smaller once, so that every later epoch decodes less."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import Tensor
from torch.nn import functional as F

from trials.pack import cache
from trials.split import Decode, read
from trials.tree import Tree

Encode = Callable[[Tensor, str], None]
"""Takes uint8 (3, h, w) and the path of a new JPEG file."""


def shrunk(tree: Tree, size: int) -> Tree | None:
    """Return the tree of images that were made smaller before, or None."""
    folder = _folder(tree, size)
    return replace(tree, root=folder) if (folder / "complete").exists() else None


def shrink(tree: Tree, size: int, decode: Decode, encode: Encode) -> Tree:
    """Write every image with a shorter side of 8/7 `size` into the cache; go on where it stopped.

    Crops are then cut out of fewer pixels than the original has, as is common practice.
    """
    folder = _folder(tree, size)
    one = partial(_one, tree.root, folder, size * 8 // 7, decode, encode)
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        for _ in workers.map(one, tree.rest + tree.test, chunksize=64):
            pass
    (folder / "complete").touch()
    return replace(tree, root=folder)


def _folder(tree: Tree, size: int) -> Path:
    return cache() / f"shrunk-{size}-{tree.state()}"


def _one(root: Path, folder: Path, side: int, decode: Decode, encode: Encode, path: str) -> None:
    target = folder / path
    if target.exists():
        return
    image = read(str(root / path), decode)
    height, width = image.shape[1:]
    scale = side / min(height, width)
    if scale < 1:
        shape = round(height * scale), round(width * scale)
        image = F.interpolate(image[None], shape, mode="bilinear", antialias=True)[0]
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}")
    encode(image, str(part))
    part.replace(target)
