"""The images that a recipe names, divided into training, validation and test."""

from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException
from pathlib import Path

import torch

from trials.clutter import clutter, digits, edition
from trials.divide import divide
from trials.folder import is_large, native_size, open_tree
from trials.pack import Pack, cache, cached, fingerprint, moments, pack
from trials.recipe import KNOWN, Images, Recipe
from trials.shrink import shrink_tree
from trials.split import Files, Split, joined
from trials.tree import Tree, scan, scan_imagenet

CIFAR = {
    "cifar10": ("CIFAR10", "c58f30108f718f92721af3b95e74349a"),
    "cifar100": ("CIFAR100", "eb9058c3a382ffc7106e4002c42a8d85"),
}
"""Torchvision's class, and the published MD5 of the archive."""
TITLES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet": "ImageNet"}


@dataclass(frozen=True)
class Data:
    """A data set, divided; `mean` and `std` are per channel in 0..1.

    What fits is held in memory, the rest is files that are read in training. The fingerprint is of
    the content, wherever it lies; the provenance is one line for whatever prints a number.
    """

    train: Split | Files
    validation: Split | Files
    test: Split | Files
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fingerprint: str
    provenance: str


def load(recipe: Recipe, root: Path | None = None, download: bool = False) -> Data:
    """Open the recipe's data below `root` and divide it.

    A recipe that selects or confirms on the test set trains on all the rest; its provenance says
    so.
    """
    if callable(recipe.data):
        return _own(recipe, root)
    share = 0.0 if recipe.select_on_test or recipe.confirm else recipe.validation
    whole = _open(recipe.data, root, download, share)
    kept, held, words = divide(whole, share, recipe.images)
    data = Data(
        train=whole.rest.take(kept),
        validation=whole.rest.take(held),
        test=whole.test,
        classes=whole.classes,
        mean=whole.mean,
        std=whole.std,
        fingerprint=whole.fingerprint,
        provenance=", ".join(filter(None, [_title(recipe.data), whole.note, words])),
    )
    return _scored_on_test(data, recipe)


def from_splits(
    train: Split, validation: Split, test: Split, classes: tuple[str, ...], provenance: str
) -> Data:
    """Complete splits of your own with their mean, deviation and fingerprint."""
    mean, std = moments(train.images)
    content = fingerprint((train, validation, test), classes)
    return Data(train, validation, test, classes, mean, std, content, provenance)


def describe(recipe: Recipe, root: Path | None = None) -> Images:
    """Tell the classes, size and stem of the recipe's images; a known set need not be there."""
    if callable(recipe.data):
        data = _own(recipe, root)
        size = data.train.size if isinstance(data.train, Files) else data.train.images.shape[3]
        return Images(len(data.classes), size, stem_of(size))
    if recipe.data in KNOWN:
        return KNOWN[recipe.data]
    tree, size = _tree(recipe.data, root)
    return Images(len(tree.classes), size, stem_of(size))


def prepare(name: str, root: Path | None = None, download: bool = True) -> str:
    """Do once what a set needs: download and pack it, or shrink its images; say what there is."""
    Recipe(data=name)  # refuses a name that is not known
    if name == "imagenet" or name not in KNOWN:
        tree, size = _tree(name, root)
        if is_large(tree, size):
            shrink_tree(tree, size)
    whole = _open(name, root, download, Recipe.validation)
    return (
        f"{_title(name)}: {len(whole.rest):,} + {len(whole.test):,} images of "
        f"{len(whole.classes)} classes, fingerprint {whole.fingerprint}; the cache is {cache()}"
    )


def _open(name: str, root: Path | None, download: bool, validation: float) -> Pack:
    if name == "clutter":
        return cached(f"clutter-{validation:g}-{edition()}", partial(_clutter, validation))
    if name == "digits":
        return pack(*digits(), tuple("0123456789"))
    if name in CIFAR:
        return cached(f"{name}-{CIFAR[name][1]}", partial(_cifar, name, root, download))
    return open_tree(*_tree(name, root))


def _clutter(validation: float) -> Pack:
    train, held, test = clutter(validation)
    rest = torch.cat([train.images, held.images]), torch.cat([train.labels, held.labels])
    places = torch.arange(len(train), len(rest[1])) if len(held) else None
    return pack(Split(*rest), test, tuple("0123456789"), places)


def _cifar(name: str, root: Path | None, download: bool) -> Pack:
    """Read CIFAR by torchvision, which checks every file's MD5 before it opens one."""
    from torchvision import datasets

    folder = root or cache() / "downloads"
    way_out = (
        f"`search data {name} --data-root FOLDER` fetches it where there is a network; "
        "data='clutter' is built in"
    )
    kind = getattr(datasets, CIFAR[name][0])
    try:
        parts = [kind(folder, train, download=download) for train in (True, False)]
    except RuntimeError as error:
        raise ValueError(f"{name} is not in {folder}, or not whole; {way_out}") from error
    except (OSError, HTTPException) as error:
        raise ValueError(f"{name} cannot be fetched to {folder} ({error}); {way_out}") from error
    rest, test = (
        Split(torch.from_numpy(part.data).permute(0, 3, 1, 2), torch.tensor(part.targets))
        for part in parts
    )
    return pack(rest, test, tuple(parts[0].classes))


def _tree(name: str, root: Path | None) -> tuple[Tree, int]:
    """Scan ImageNet or a folder, and tell the size that its images are trained at."""
    if name == "imagenet":
        return scan_imagenet(root or Path("imagenet")), KNOWN[name].size
    tree = scan((root or Path()) / Path(name.partition(":")[2]).expanduser())
    return tree, native_size(tree)


def _own(recipe: Recipe, root: Path | None) -> Data:
    assert callable(recipe.data)
    data = recipe.data(root)
    if not isinstance(data, Data):
        raise ValueError(
            f"the recipe's data returned {type(data).__name__}; it is a function from the data "
            "folder to trials.data.Data"
        )
    if recipe.confirm:
        data = replace(data, train=joined(data.train, data.validation))
    return _scored_on_test(data, recipe)


def _scored_on_test(data: Data, recipe: Recipe) -> Data:
    if not (recipe.select_on_test or recipe.confirm):
        return data
    how = "selected on the test set" if recipe.select_on_test else "confirmed on the test set"
    return replace(data, validation=data.test, provenance=f"{data.provenance}, {how}")


def _title(name: str) -> str:
    kind, _, path = name.partition(":")
    return f"folder {Path(path).resolve().name}" if kind == "folder" else TITLES.get(kind, kind)


def stem_of(size: int) -> str:
    """Return the stem a network has for square images of a size."""
    return "cifar" if size <= 64 else "imagenet"
