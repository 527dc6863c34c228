"""Packs: moments, fingerprints, and files that are whole or not there."""

import tempfile

import pytest
import torch

from trials.pack import Pack, cache, cached, moments, pack
from trials.split import Split


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def split(n: int, seed: int) -> Split:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 200, (n, 3, 6, 5), dtype=torch.uint8, generator=generator)
    return Split(images, torch.arange(n) % 3)


def make() -> Pack:
    return pack(split(20, 0), split(10, 1), ("a", "b", "c"), torch.arange(15, 20))


def never() -> Pack:
    raise AssertionError("made again")


def test_moments_are_those_of_the_numbers_themselves():
    images = split(20, 0).images

    mean, std = moments(images)

    values = images.double() / 255
    assert mean == pytest.approx(values.mean((0, 2, 3)).tolist())
    assert std == pytest.approx(values.std((0, 2, 3), correction=0).tolist())


def test_a_pack_comes_back_from_the_cache_as_it_was_made():
    made = cached("key", make)

    kept = cached("key", never)

    for ours in (made, kept):
        assert torch.equal(ours.rest.images, split(20, 0).images)
        assert torch.equal(ours.test.labels, split(10, 1).labels)
        assert ours.held.tolist() == [15, 16, 17, 18, 19]
        assert (ours.classes, ours.mean, ours.fingerprint) == (
            make().classes,
            make().mean,
            make().fingerprint,
        )


def test_a_damaged_file_is_made_again():
    cached("key", make)
    (cache() / "key.pt").write_bytes(b"half a file")

    again = cached("key", make)

    assert again.fingerprint == make().fingerprint


def test_a_file_that_could_not_be_written_leaves_nothing_behind(monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)

    with pytest.raises(OSError, match="No space left"):
        cached("key", make)

    assert list(cache().iterdir()) == []


def test_a_fingerprint_tells_pixels_labels_and_class_names_apart():
    rest, test = split(20, 0), split(10, 1)
    other_pixel = Split(rest.images.clone(), rest.labels)
    other_pixel.images[3, 2, 1, 0] += 1
    other_label = Split(rest.images, rest.labels.roll(1))

    prints = [
        pack(rest, test, ("a", "b", "c")).fingerprint,
        pack(other_pixel, test, ("a", "b", "c")).fingerprint,
        pack(other_label, test, ("a", "b", "c")).fingerprint,
        pack(rest, test, ("a", "b", "d")).fingerprint,
        pack(test, rest, ("a", "b", "c")).fingerprint,
    ]

    assert len(set(prints)) == 5


def test_a_fingerprint_does_not_depend_on_the_layout_in_memory():
    rest = split(20, 0)
    last = Split(rest.images.contiguous(memory_format=torch.channels_last), rest.labels)

    prints = {pack(some, split(10, 1), ("a", "b", "c")).fingerprint for some in (rest, last)}

    assert len(prints) == 1


WORDS = r"nothing can be kept in the cache folder .*attention-search \(.*\); .*XDG_CACHE_HOME"


def test_a_cache_folder_that_cannot_be_made_is_named_with_the_way_out(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))

    with pytest.raises(ValueError, match=WORDS):
        cached("key", make)


def test_a_cache_folder_that_is_read_only_serves_what_it_holds_and_says_so(monkeypatch):
    cached("key", make)

    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkstemp", refused)

    assert cached("key", never).fingerprint == make().fingerprint
    with pytest.raises(ValueError, match=WORDS):
        cached("other", make)
