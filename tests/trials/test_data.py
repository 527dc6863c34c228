"""What a recipe gets: the right images, divided, named, and words where there are none."""

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision import datasets

from trials.clutter import clutter, digits
from trials.data import CIFAR, Data, describe, from_splits, load, prepare
from trials.pack import cache
from trials.recipe import Images, Recipe
from trials.split import Split


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def cifar(tmp_path, monkeypatch) -> Path:
    """A CIFAR-10 of 50 + 10 images as its archive unpacks, with checksums that fit."""
    kind, root = datasets.CIFAR10, tmp_path / "root"
    folder = root / kind.base_folder
    folder.mkdir(parents=True)

    def write(name: str, content: object) -> list[str]:
        data = pickle.dumps(content)
        (folder / name).write_bytes(data)
        return [name, hashlib.md5(data).hexdigest()]

    def part(name: str, number: int) -> list[str]:
        generator = torch.Generator().manual_seed(number)
        shape, labels = (10, 3072), [(number + place) % 10 for place in range(10)]
        pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        return write(name, {"data": pixels.numpy(), "labels": labels})

    train = [part(f"data_batch_{number}", number) for number in range(1, 6)]
    monkeypatch.setattr(kind, "train_list", train)
    monkeypatch.setattr(kind, "test_list", [part("test_batch", 6)])
    names = write("batches.meta", {"label_names": list("abcdefghij")})
    meta = {"filename": names[0], "key": "label_names", "md5": names[1]}
    monkeypatch.setattr(kind, "meta", meta)
    return root


def rows(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images.contiguous()}


def test_clutter_is_there_without_anything():
    data = load(Recipe())

    assert (len(data.train), len(data.validation), len(data.test)) == (6750, 750, 1500)
    assert data.classes == tuple("0123456789")
    assert data.provenance == "clutter, its own validation split of 750"
    assert torch.equal(data.test.images, clutter(0.1)[2].images)


def test_a_set_is_made_once(monkeypatch):
    first = load(Recipe())
    monkeypatch.setattr("trials.data.clutter", None)

    again = load(Recipe())

    assert again.fingerprint == first.fingerprint
    assert torch.equal(again.train.images, first.train.images)


def test_plain_digits_are_divided_class_by_class_and_nothing_is_in_two_splits():
    data = load(Recipe(data="digits", validation=0.25))

    parts = [data.train, data.validation, data.test]
    assert [len(part) for part in parts] == [1078, 360, 359]
    shares = torch.stack([part.labels.bincount() / len(part) for part in parts])
    assert (shares - shares[0]).abs().max() < 0.01
    assert data.provenance == "digits, validation 25 % of train, seed 0"
    indices = [place for part in parts for place in rows(part.images)]
    whole = [place for split in digits() for place in rows(split.images)]
    assert sorted(indices) == sorted(whole)


def test_the_validation_split_is_the_same_for_every_seed_of_training():
    first, second = (load(Recipe(data="digits", seeds=(seed,))) for seed in (0, 1))

    assert torch.equal(first.validation.images, second.validation.images)


def test_who_selects_on_the_test_set_trains_on_the_rest_and_says_so():
    data = load(Recipe(data="digits", select_on_test=True))

    assert len(data.train) == 1438
    assert torch.equal(data.validation.images, data.test.images)
    assert data.provenance.endswith(", selected on the test set")


def test_no_validation_leaves_all_but_the_test_for_training():
    data = load(Recipe(data="digits", validation=0))

    assert (len(data.train), len(data.validation), len(data.test)) == (1438, 0, 359)
    assert data.provenance == "digits, all but the test in training"


def test_fewer_images_are_drawn_from_the_training_split_class_by_class():
    every, some = load(Recipe(data="digits")), load(Recipe(data="digits", images=100))

    assert len(some.train) == 100
    assert some.train.labels.bincount().tolist() == [10] * 10
    assert torch.equal(some.validation.images, every.validation.images)
    assert some.provenance.endswith(", 100 training images")


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (5000, "images = 5,000 are more than the 1,294 to train on"),
        (7, "no image of class '.' is left to train on"),
    ],
)
def test_numbers_of_images_that_cannot_be_are_refused(images, words):
    with pytest.raises(ValueError, match=words):
        load(Recipe(data="digits", images=images))


def test_cifar_is_read_by_torchvision_and_then_from_the_cache(cifar, tmp_path):
    data = load(Recipe(data="cifar10", validation=0.2), cifar)

    usual = datasets.CIFAR10(cifar, train=False)
    assert torch.equal(data.test.images.permute(0, 2, 3, 1), torch.from_numpy(usual.data))
    assert data.test.labels.tolist() == usual.targets
    assert (len(data.train), len(data.validation)) == (40, 10)
    assert data.classes == tuple("abcdefghij")
    assert data.provenance == "CIFAR-10, validation 20 % of train, seed 0"
    again = load(Recipe(data="cifar10", validation=0.2), tmp_path / "elsewhere")
    assert again.fingerprint == data.fingerprint


def test_a_cifar_with_another_checksum_is_never_opened(cifar):
    (cifar / "cifar-10-batches-py/data_batch_3").write_bytes(b"cos\nsystem\n(S'false'\ntR.")

    with pytest.raises(ValueError, match=r"cifar10 is not in .*root, or not whole; `search data"):
        load(Recipe(data="cifar10"), cifar)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_a_set_that_is_not_there_is_refused_with_two_ways_out(tmp_path, name):
    words = rf"{name} is not in .*; `search data {name} --data-root FOLDER` .*'clutter' is built in"
    with pytest.raises(ValueError, match=words):
        load(Recipe(data=name), tmp_path)


def test_a_download_without_network_says_why_and_what_else(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.CIFAR10, "url", "http://127.0.0.1:9/cifar-10-python.tar.gz")

    with pytest.raises(ValueError, match=r"cannot be fetched to .*refused.*'clutter' is built in"):
        load(Recipe(data="cifar10"), tmp_path, download=True)

    assert not list(cache().glob("cifar10*"))


def test_checksums_are_those_that_torchvision_knows():
    known = {name: (kind, getattr(datasets, kind).tgz_md5) for name, (kind, _) in CIFAR.items()}

    assert known == CIFAR


def own(root: Path | None) -> Data:
    some = [Split(part.images[:20], part.labels[:20]) for part in (*digits(), digits()[1])]
    return from_splits(*some, tuple("0123456789"), f"ours in {root}")


def test_a_function_of_ones_own_is_handed_the_folder_and_its_data_are_taken(tmp_path):
    recipe = Recipe(data=own, select_on_test=True)

    data = load(recipe, tmp_path)

    assert data.provenance == f"ours in {tmp_path}, selected on the test set"
    assert torch.equal(data.validation.images, data.test.images)
    assert len(data.fingerprint) == 32
    assert describe(recipe) == Images(10, 8, "cifar")


def test_a_function_that_returns_something_else_is_refused():
    with pytest.raises(ValueError, match="the recipe's data returned str; it is a function"):
        load(Recipe(data=str))


def folder(root: Path, side: int) -> str:
    for part, count in (("train", 6), ("val", 2)):
        for kind in ("cat", "dog"):
            (root / part / kind).mkdir(parents=True)
            for number in range(count):
                image = Image.new("RGB", (side, side), (number * 20, len(part) * 9, ord(kind[0])))
                image.save(root / part / kind / f"{number}.png")
    return f"folder:{root}"


def test_a_folder_is_divided_and_called_by_its_last_name(tmp_path):
    data = load(Recipe(data=folder(tmp_path / "pets", 20), validation=0.5))

    assert (len(data.train), len(data.validation), len(data.test)) == (6, 6, 4)
    assert data.classes == ("cat", "dog")
    assert data.provenance == "folder pets, validation 50 % of train, seed 0"


def test_imagenet_is_tested_on_val_and_validated_on_a_part_of_train(tmp_path):
    folder(tmp_path, 300)

    data = load(Recipe(data="imagenet", validation=0.5), tmp_path)

    assert [len(part) for part in (data.train, data.validation, data.test)] == [6, 6, 4]
    assert data.train.images.shape[2:] == (224, 224)
    assert data.provenance == "ImageNet, validation 50 % of train, seed 0"


def test_a_relative_folder_lies_below_the_data_root(tmp_path):
    folder(tmp_path / "pets", 20)

    data = load(Recipe(data="folder:pets"), tmp_path)

    assert len(data.test) == 4


@pytest.mark.parametrize(
    ("side", "expected"), [(20, Images(2, 20, "cifar")), (300, Images(2, 224, "imagenet"))]
)
def test_a_folder_tells_what_a_network_must_know(tmp_path, side, expected):
    assert describe(Recipe(data=folder(tmp_path, side))) == expected


def test_a_known_set_tells_what_a_network_must_know_before_it_is_there(tmp_path):
    assert describe(Recipe(data="imagenet"), tmp_path) == Images(1000, 224, "imagenet")


def test_preparing_says_what_is_there(cifar):
    words = prepare("cifar10", cifar)

    data = load(Recipe(data="cifar10"))
    assert words.startswith("CIFAR-10: 50 + 10 images of 10 classes, fingerprint")
    assert data.fingerprint in words


def test_preparing_a_set_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match=r"'cifar01' .*did you mean 'cifar1"):
        prepare("cifar01")


def test_torchvision_is_only_imported_where_cifar_is_read():
    """It costs seconds, which embedded data and folders need not pay."""
    code = (
        "import sys; from trials.data import load; from trials.recipe import Recipe; "
        "load(Recipe(data='digits')); sys.exit('torchvision' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0
