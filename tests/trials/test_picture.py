"""Picture files: the right pixels, whatever the file, and words for one that is none."""

from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import functional as vision

from trials.box import resized, whole
from trials.picture import read, shape, shrink


@pytest.fixture
def photo(tmp_path) -> Path:
    """A smooth JPEG of 1000×1400 with something in every corner."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 7, 9, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, (1000, 1400), mode="bicubic")
    vision.to_pil_image(smooth[0].clamp(0, 1)).save(tmp_path / "photo.jpg", quality=95)
    return tmp_path / "photo.jpg"


def pixels(path: Path) -> Tensor:
    with Image.open(path) as image:
        return vision.pil_to_tensor(image.convert("RGB"))


@pytest.mark.parametrize("draws", [[0.02, 0.5, 0.4, 0.6], [0.5, 0.1, 0, 1], [1, 0.6, 0.5, 0.5]])
@pytest.mark.parametrize("size", [32, 224])
def test_a_crop_is_the_one_of_all_pixels_though_fewer_are_decoded(photo, draws, size):
    ours = read(str(photo), size, partial(resized, draws))

    box = resized(draws, 1000, 1400)
    expected = vision.resized_crop(pixels(photo), *box, [size, size], antialias=True)
    assert (ours.permute(2, 0, 1).float() - expected).abs().mean() < 1


def test_a_mirrored_crop_is_the_mirrored_crop(photo):
    cut = partial(resized, [0.3, 0.5, 0.2, 0.9])

    plain, mirrored = read(str(photo), 64, cut), read(str(photo), 64, cut, mirrored=True)

    assert (mirrored.flip(1).int() - plain.int()).abs().max() <= 1


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("L", "grey.png"),
        ("L", "grey.jpg"),
        ("RGBA", "clear.png"),
        ("P", "few.png"),
        ("1", "bit.png"),
        ("CMYK", "print.jpg"),
        ("RGB", "plain.webp"),
        ("RGB", "plain.bmp"),
        ("RGB", "plain.tif"),
    ],
)
def test_pictures_of_every_kind_become_three_channels_of_bytes(photo, tmp_path, mode, name):
    with Image.open(photo) as image:
        image.resize((40, 30)).convert(mode).save(tmp_path / name)

    ours = read(str(tmp_path / name), 30, partial(whole, []))

    assert torch.equal(ours.permute(2, 0, 1), pixels(tmp_path / name)[:, :, 5:35])


def test_the_shape_is_height_and_width(photo):
    assert shape(str(photo)) == (1000, 1400)


def test_a_shrunk_copy_has_the_shorter_side_that_is_asked_for(photo, tmp_path):
    shrink(str(photo), tmp_path / "small.jpg", 256)

    expected = vision.resize(pixels(photo), [256, 358], antialias=True)
    assert (pixels(tmp_path / "small.jpg").float() - expected).abs().mean() < 2


def test_a_picture_that_is_small_already_keeps_its_size(photo, tmp_path):
    shrink(str(photo), tmp_path / "same.jpg", 5000)

    assert shape(str(tmp_path / "same.jpg")) == (1000, 1400)


@pytest.mark.parametrize("content", [b"", b"no picture at all", None])
@pytest.mark.parametrize("name", ["broken.jpg", "broken.png"])
def test_a_file_that_is_no_picture_is_named_with_the_way_out(photo, tmp_path, name, content):
    broken = tmp_path / name
    with Image.open(photo) as image:
        image.save(broken)
    broken.write_bytes(broken.read_bytes()[:9000] if content is None else content)

    with pytest.raises(ValueError, match=rf"{name} cannot be read as an image \(.*\); replace it"):
        read(str(broken), 32, partial(whole, []))
