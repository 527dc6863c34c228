"""Large images made smaller once, so that every later epoch decodes less."""

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from trials.pack import cache
from trials.picture import shrink
from trials.tree import Tree


def shrunk(tree: Tree, size: int) -> Tree | None:
    """Return the tree of images that were made smaller before, or None."""
    folder = _folder(tree, size)
    return replace(tree, root=folder) if (folder / "complete").exists() else None


def shrink_tree(tree: Tree, size: int) -> None:
    """Write every image with a shorter side of 8/7 `size` into the cache; go on where it stopped.

    Crops are then cut out of fewer pixels than the original has, as is common practice.
    """
    folder = _folder(tree, size)
    one = partial(_one, tree.root, folder, size * 8 // 7)
    with ProcessPoolExecutor() as workers:
        for _ in workers.map(one, tree.rest + tree.test, chunksize=64):
            pass
    (folder / "complete").touch()


def _folder(tree: Tree, size: int) -> Path:
    return cache() / f"shrunk-{size}-{tree.state()}"


def _one(root: Path, folder: Path, side: int, path: str) -> None:
    target = folder / path
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}")
    shrink(f"{root}/{path}", part, side)
    part.replace(target)
