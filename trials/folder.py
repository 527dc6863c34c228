"""The images of a folder at one size: in memory where they fit, else read in training."""

from functools import partial
from statistics import median_low

import torch
from torch import Tensor

from trials.pack import Pack, cached, pack
from trials.picture import shape
from trials.shrink import shrunk
from trials.split import Files, Split
from trials.stream import squares
from trials.tree import Tree

SMALL = 2**31
"""Bytes up to which a set is held in memory."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, which are customary for every set of that kind."""


def open_tree(tree: Tree, size: int) -> Pack:
    """Hold a small set in memory, packed once into the cache; leave a large one on disk."""
    if not is_large(tree, size):
        return cached(f"folder-{size}-{tree.state()}", partial(_packed, tree, size))
    small = shrunk(tree, size)
    note = "shrunk once" if small else ""
    tree = small or tree
    rest, test = tree.files(tree.rest, size), tree.files(tree.test, size)
    return Pack(rest, test, _held(tree), tree.classes, MEAN, STD, tree.fingerprint(), note)


def is_large(tree: Tree, size: int) -> bool:
    """Tell whether a set is too large to be held in memory."""
    return (len(tree.rest) + len(tree.test)) * 3 * size * size > SMALL


def native_size(tree: Tree) -> int:
    """Return the size to train at: the images' own where they are small, else 224."""
    some = tree.rest[:: len(tree.rest) // 32 + 1]
    side = median_low(min(shape(f"{tree.root}/{path}")) for path in some)
    return side if side <= 96 else 224


def _packed(tree: Tree, size: int) -> Pack:
    rest, test = (_load(tree.files(paths, size)) for paths in (tree.rest, tree.test))
    return pack(rest, test, tree.classes, _held(tree))


def _held(tree: Tree) -> Tensor | None:
    count = len(tree.rest)
    return torch.arange(count - tree.held, count) if tree.held else None


def _load(files: Files) -> Split:
    images = torch.empty(len(files), files.size, files.size, 3, dtype=torch.uint8)
    done = 0
    for batch in squares(files):
        images[done : done + len(batch)] = batch
        done += len(batch)
    return Split(images.permute(0, 3, 1, 2), files.labels)
