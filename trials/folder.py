"""The images of a folder at one size: in memory where they fit, else read in training."""

from statistics import median_low

import torch

from trials.pack import Pack, cached, pack
from trials.shrink import shrunk
from trials.split import Decode, Files, Split, read
from trials.stream import Stream, whole
from trials.tree import Tree

SMALL = 2**31
"""Bytes up to which a set is held in memory."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, which are customary for every set of that kind."""


def open_tree(tree: Tree, size: int, decode: Decode) -> Pack:
    """Hold a small set in memory, packed once into the cache; leave a large one on disk."""
    if is_large(tree, size):
        tree = shrunk(tree, size) or tree
        rest, test = tree.files(tree.rest, size, decode), tree.files(tree.test, size, decode)
        return Pack(rest, test, _held(tree), tree.classes, MEAN, STD, tree.fingerprint())

    def make() -> Pack:
        rest, test = tree.files(tree.rest, size, decode), tree.files(tree.test, size, decode)
        return pack(_read(rest), _read(test), tree.classes, _held(tree))

    return cached(f"folder-{size}-{tree.state()}", make)


def is_large(tree: Tree, size: int) -> bool:
    """Tell whether a set is too large to be held in memory."""
    return (len(tree.rest) + len(tree.test)) * 3 * size * size > SMALL


def native_size(tree: Tree, decode: Decode) -> int:
    """Return the size to train at: the images' own where they are small, else 224."""
    some = tree.rest[:: len(tree.rest) // 32 + 1]
    side = median_low(min(read(f"{tree.root}/{path}", decode).shape[1:]) for path in some)
    return side if side <= 96 else 224


def _held(tree: Tree) -> torch.Tensor | None:
    count = len(tree.rest)
    return torch.arange(count - tree.held, count) if tree.held else None


def _read(files: Files) -> Split:
    images = torch.empty(len(files), files.size, files.size, 3, dtype=torch.uint8)
    places = torch.arange(len(files)).split(256)
    batches = Stream(files, whole, torch.device("cpu")).read(places)
    for place, batch in zip(places, batches, strict=True):
        images[place] = batch
    return Split(images.permute(0, 3, 1, 2), files.labels)
