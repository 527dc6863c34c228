"""The embedded sets: what they hold, how fast they are made, and that nothing leaks."""

import csv
import gzip
import time

import pytest
import torch
from torch.nn import functional as F

from trials import clutter as module
from trials.clutter import DIGITS, clutter, digits
from trials.pack import fingerprint

BYTES = "879f7f1e06efe20cc0888b68258c91d8"
"""Of the scenes at validation 0.2; the same on every processor and version of torch."""


@pytest.fixture(scope="module")
def scenes():
    return clutter(0.2)


def table() -> list[list[str]]:
    with gzip.open(DIGITS, "rt") as file:
        return list(csv.reader(file))


def test_scenes_are_made_in_under_five_seconds_of_processor_time():
    start = time.process_time()

    clutter(0.2)

    assert time.process_time() - start < 5


def test_scenes_have_the_promised_numbers_and_every_digit_as_often(scenes):
    for split, count in zip(scenes, (6000, 1500, 1500), strict=True):
        assert split.images.shape == (count, 3, 32, 32)
        assert split.images.dtype == torch.uint8
        assert split.images.is_contiguous(memory_format=torch.channels_last)
        assert split.labels.bincount().tolist() == [count // 10] * 10


def test_scenes_are_the_same_bytes_everywhere(scenes):
    assert fingerprint(scenes, ()) == BYTES


def test_a_smaller_share_for_validation_is_a_larger_one_for_training():
    train, held, test = clutter(0)

    assert (len(train), len(held), len(test)) == (7500, 0, 1500)


def test_a_glyph_shows_in_the_scenes_of_one_split_only(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SCENES", 800)
    monkeypatch.setattr(module, "TEST_SCENES", 200)
    before = clutter(0.2)
    touched = [0, 0, 0]
    for glyph in range(0, 1797, 180):
        rows = table()
        rows[glyph][:64] = ["0"] * 64
        blank = tmp_path / f"{glyph}.csv.gz"
        with gzip.open(blank, "wt") as file:
            csv.writer(file).writerows(rows)
        monkeypatch.setattr(module, "DIGITS", blank)

        after = clutter(0.2)

        changed = [
            not torch.equal(old.images, new.images) for old, new in zip(before, after, strict=True)
        ]
        assert sum(changed) <= 1
        touched = [count + change for count, change in zip(touched, changed, strict=True)]
    assert min(touched) > 0


def test_a_scene_shows_its_digit_at_some_size_somewhere(scenes):
    """Correlating with the mean glyph of every class at every size finds most; chance is 10 %."""
    rest, _ = digits()
    mean = [rest.images[rest.labels == digit, 0].float().mean(0) for digit in range(10)]
    some = scenes[2].take(torch.arange(300))
    light = some.images.float().mean(1, keepdim=True) / 255

    best = torch.full((300, 10), -1.0)
    for size in range(8, 25, 2):
        glyphs = F.interpolate(torch.stack(mean)[:, None], (size, size), mode="bilinear")
        glyphs = F.layer_norm(glyphs, glyphs.shape[1:])
        flat = torch.full((1, 1, size, size), 1 / size**2)
        spread = F.conv2d(light**2, flat) - F.conv2d(light, flat) ** 2
        match = F.conv2d(light, glyphs) / (spread + 1e-6).sqrt() / size**1.5
        best = torch.maximum(best, match.flatten(2).amax(2))

    assert (best.argmax(1) == some.labels).float().mean() > 0.55


def test_plain_digits_are_the_file_in_three_equal_channels():
    rest, test = digits()

    assert (len(rest), len(test)) == (1438, 359)
    assert test.labels.bincount().min() >= 34
    pixels = torch.cat([rest.images, test.images])
    assert (pixels[:, :1] == pixels).all()
    expected = sorted(round(int(cell) * 255 / 16 + 1e-9) for row in table() for cell in row[:64])
    assert sorted(pixels[:, 0].flatten().tolist()) == expected


def test_the_digits_are_attributed_beside_their_file():
    words = DIGITS.with_name("digits.md").read_text()

    assert "Creative Commons Attribution 4.0" in words
    assert "10.24432/C50P49" in words
