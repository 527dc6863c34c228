"""Class folders: what is found, at which size, in memory or read by workers, and shrunk once."""

import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import functional as vision

from trials import folder as folder_module
from trials.augment import COLUMNS, DRAWS
from trials.batches import Batches
from trials.box import inner, resized, whole
from trials.data import load, prepare
from trials.folder import native_size, open_tree
from trials.recipe import Recipe
from trials.shrink import shrunk
from trials.split import Files
from trials.tree import scan, scan_imagenet


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def picture(number: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(number)
    coarse = torch.rand(1, 3, 5, 5, generator=generator) * 255
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    return smooth[0].clamp(0, 255).to(torch.uint8)


def save(image: Tensor, path: Path) -> None:
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)


def pixels(path: Path | str) -> Tensor:
    return vision.pil_to_tensor(Image.open(path).convert("RGB"))


def fill(root: Path, part: str, count: int = 5, shape: tuple[int, int] = (24, 24)) -> None:
    for kind, name in enumerate(("cat", "dog", "emu")):
        folder = root / part / name
        folder.mkdir(parents=True)
        for number in range(count):
            image = picture(1000 * len(part) + 100 * kind + number, *shape)
            save(image, folder / f"{number}.png")


@pytest.fixture
def root(tmp_path) -> Path:
    """Three parts of three classes, small and of one size."""
    for part, count in (("train", 5), ("val", 2), ("test", 3)):
        fill(tmp_path / "set", part, count)
    return tmp_path / "set"


@pytest.fixture
def large(monkeypatch, tmp_path) -> Path:
    """Larger pictures of two shapes in a set that counts as too large for memory."""
    monkeypatch.setattr(folder_module, "SMALL", 0)
    fill(tmp_path / "set", "train", 4, (300, 400))
    fill(tmp_path / "set", "val", 2, (400, 300))
    return tmp_path / "set"


def test_train_val_and_test_are_found_by_name(root):
    tree = scan(root)

    assert tree.classes == ("cat", "dog", "emu")
    assert (len(tree.rest), tree.held, len(tree.test)) == (21, 6, 9)
    assert tree.rest[0] == "train/cat/0.png"
    assert tree.files(tree.test, 24).labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("gone", ["val", "test"])
def test_of_two_folders_the_one_beside_train_is_the_test(root, gone):
    shutil.rmtree(root / gone)

    tree = scan(root)

    assert (len(tree.rest), tree.held) == (15, 0)
    assert {path.split("/")[0] for path in tree.test} == {"test", "val"} - {gone}


def test_imagenets_val_is_the_test_and_its_unlabelled_test_is_not_looked_at(root):
    tree = scan_imagenet(root)

    assert (len(tree.rest), tree.held, len(tree.test)) == (15, 0, 6)
    assert tree.test[0] == "val/cat/0.png"


def test_folders_within_a_class_belong_to_it_and_other_files_do_not_count(root):
    (root / "train/cat/more").mkdir()
    (root / "train/cat/0.png").rename(root / "train/cat/more/0.png")
    (root / "train/cat/notes.txt").touch()

    tree = scan(root)

    assert "train/cat/more/0.png" in tree.rest
    assert len(tree.rest) == 21


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda root: shutil.rmtree(root), "there is no folder .*set; name its parent"),
        (
            lambda root: shutil.rmtree(root / "train"),
            r"holds the folders \['test', 'val'\]; a data",
        ),
        (lambda root: (root / "val/cow").mkdir(), "val/cow is a class that .*train does not have"),
        (lambda root: (root / "train/cow").mkdir(), r"train/cow holds no image \(.jpg"),
        (lambda root: shutil.rmtree(root / "train/cat"), "val/cat is a class that"),
        (
            lambda root: [shutil.rmtree(path) for path in (root / "test").iterdir()],
            "test holds no image in a class folder; sort",
        ),
        (
            lambda root: [shutil.rmtree(root / "train" / name) for name in ("cat", "dog")],
            "train holds 1 class folders; at least 2",
        ),
    ],
)
def test_a_folder_that_is_no_data_set_is_refused_in_words(root, change, words):
    change(root)

    with pytest.raises(ValueError, match=words):
        scan(root)


def test_an_imagenet_that_is_not_there_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(ValueError, match=r"imagenet: there is no folder .*--data-root.*clutter"):
        scan_imagenet(tmp_path)


def test_a_small_set_is_held_as_the_very_bytes_of_its_files(root):
    pack = open_tree(scan(root), 24)

    expected = [pixels(root / path) for path in scan(root).rest]
    assert torch.equal(pack.rest.images, torch.stack(expected))
    assert pack.held.tolist() == list(range(15, 21))


def test_pictures_of_other_sizes_are_resized_about_their_middle(root):
    image = picture(0, 60, 90)
    save(image, root / "train/cat/0.png")

    pack = open_tree(scan(root), 24)

    expected = vision.resize(image[:, :, 15:75], [24, 24], antialias=True)
    assert (pack.rest.images[0].int() - expected.int()).abs().max() <= 1


@pytest.mark.parametrize(("shape", "size"), [((24, 24), 24), ((64, 80), 64), ((300, 200), 224)])
def test_small_pictures_keep_their_size_and_others_are_brought_to_224(tmp_path, shape, size):
    fill(tmp_path, "train", 2, shape)
    fill(tmp_path, "test", 1, shape)

    assert native_size(scan(tmp_path)) == size


def test_content_is_known_again_wherever_it_lies(root, tmp_path):
    first = open_tree(scan(root), 24)
    shutil.copytree(root, tmp_path / "copy")
    moved = open_tree(scan(tmp_path / "copy"), 24)

    save(picture(7, 24, 24), root / "train/emu/0.png")
    changed = open_tree(scan(root), 24)

    assert moved.fingerprint == first.fingerprint
    assert changed.fingerprint != first.fingerprint


def test_a_large_set_is_known_by_names_sizes_and_content(large, tmp_path):
    first = scan(large).fingerprint()
    shutil.copytree(large, tmp_path / "copy")
    file = large / "train/cat/0.png"
    content = bytearray(file.read_bytes())

    content[-20] ^= 1
    file.write_bytes(content)

    assert scan(tmp_path / "copy").fingerprint() == first
    assert scan(large).fingerprint() != first


def test_a_corrupt_image_of_a_small_set_is_named(root):
    (root / "train/dog/3.png").write_bytes(b"not a picture")

    with pytest.raises(
        ValueError, match=r"set/train/dog/3.png cannot be read as an image .*remove"
    ):
        open_tree(scan(root), 24)


def test_a_truncated_image_is_named_while_a_large_set_is_read(large):
    broken = large / "train/dog/3.png"
    broken.write_bytes(broken.read_bytes()[:2000])
    data = load(Recipe(data=f"folder:{large}", validation=0))

    with pytest.raises(ValueError, match=r"train/dog/3.png cannot be read as an image"):
        list(batches(data.train, "flip").epoch(torch.Generator()))


def batches(files: Files, *augment: str) -> Batches:
    return Batches(
        files, 4, augment, (0.0,) * 3, (1 / 255,) * 3, torch.device("cpu"), torch.float32
    )


@pytest.mark.parametrize(("name", "cut"), [("crop", inner), ("resized-crop", resized)])
def test_a_large_set_is_cut_and_resized_by_workers_as_its_draws_say(large, name, cut):
    data = load(Recipe(data=f"folder:{large}", validation=0))
    ours, generator = batches(data.train, name), torch.Generator().manual_seed(3)

    epochs = [list(ours.epoch(generator)) for _ in range(2)]

    generator.manual_seed(3)
    for epoch in epochs:
        order = torch.randperm(12, generator=generator)
        draws = torch.rand(12, COLUMNS, generator=generator)[:, DRAWS[name]]
        images = torch.cat([images for images, _ in epoch])
        for ours_now, place, numbers in zip(images, order, draws, strict=True):
            image = pixels(data.train.paths[place])
            box = cut(numbers.tolist(), *image.shape[1:])
            expected = vision.resized_crop(image, *box, [224, 224], antialias=True)
            assert (ours_now - expected).abs().max() <= 1.01
        assert torch.equal(torch.cat([labels for _, labels in epoch]), data.train.labels[order])


def test_a_large_set_is_evaluated_in_the_middle_as_papers_do(large):
    data = load(Recipe(data=f"folder:{large}"))

    images = torch.cat([images for images, _ in batches(data.test, "resized-crop").once()])

    for ours, path in zip(images, data.test.paths, strict=True):
        usual = vision.resize(pixels(path), [256], antialias=True)
        expected = vision.center_crop(usual, [224, 224]).float()
        assert (ours - expected).abs().mean() < 1.5


def test_reading_files_leaves_the_global_random_numbers_alone(large):
    data = load(Recipe(data=f"folder:{large}"))
    before = torch.get_rng_state()

    list(batches(data.train, "resized-crop").epoch(torch.Generator()))

    assert torch.equal(torch.get_rng_state(), before)


def test_an_epoch_that_was_left_early_does_not_leak_into_the_next(large):
    data = load(Recipe(data=f"folder:{large}", validation=0))
    ours, generator = batches(data.train), torch.Generator()

    next(iter(ours.epoch(generator.manual_seed(1))))
    labels = torch.cat([labels for _, labels in ours.epoch(generator.manual_seed(2))])

    order = torch.randperm(12, generator=generator.manual_seed(2))
    assert torch.equal(labels, data.train.labels[order])


def test_boxes_lie_in_the_image_and_have_the_area_and_ratio_that_is_drawn():
    for draws in torch.rand(500, 4, generator=torch.Generator().manual_seed(0)).tolist():
        for height, width in ((375, 500), (500, 375), (64, 64), (3, 700)):
            top, left, rows, columns = resized(draws, height, width)

            assert 0 <= top <= top + rows <= height
            assert 0 <= left <= left + columns <= width
            if rows < height and columns < width and height > 3:
                area = (0.08 + 0.92 * draws[0]) * height * width
                assert rows * columns == pytest.approx(area, rel=0.05)
                assert 0.7 < columns / rows < 1.43


def test_a_box_of_no_draws_is_in_the_middle():
    assert whole([], 300, 200) == (50, 0, 200, 200)
    assert inner([], 256, 256) == resized([], 256, 256) == (16, 16, 224, 224)


def test_a_prepared_large_set_is_read_from_smaller_files(large):
    recipe = Recipe(data=f"folder:{large}")
    before = load(recipe)

    words = prepare(recipe.data)

    after = load(recipe)
    assert words.startswith("folder set: 12 + 6 images of 3 classes")
    assert after.fingerprint != before.fingerprint
    assert "shrunk once" in after.provenance
    assert "shrunk" not in before.provenance
    shapes = {tuple(pixels(path).shape) for path in after.train.paths + after.test.paths}
    assert shapes == {(3, 256, 341), (3, 341, 256)}
    original, small = pixels(before.test.paths[0]), pixels(after.test.paths[0])
    expected = vision.resize(original, [341, 256], antialias=True)
    assert (small.float() - expected).abs().mean() < 3


def test_shrinking_goes_on_where_it_stopped_and_counts_only_when_it_is_complete(large):
    tree = scan(large)
    broken = large / "train/emu/3.png"
    content = broken.read_bytes()
    broken.write_bytes(b"")

    with pytest.raises(ValueError, match=r"emu/3.png cannot be read"):
        prepare(f"folder:{large}")

    assert shrunk(tree, 224) is None
    broken.write_bytes(content)
    prepare(f"folder:{large}")
    assert shrunk(scan(large), 224) is not None
