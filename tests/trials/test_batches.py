"""Batches: what an epoch holds, that it can be repeated, and that its parts are the whole."""

import pytest
import torch

from trials.augment import COLUMNS, DRAWS, window
from trials.batches import Batches
from trials.split import Split

CPU = torch.device("cpu")
ALL = ("crop", "flip", "rand", "cutout", "mixup", "cutmix")


def split(n: int = 50, classes: int = 5) -> Split:
    """Images that carry their place in their first pixel."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 3, 8, 8), dtype=torch.uint8, generator=generator)
    images[:, 0, 0, 0] = torch.arange(n)
    return Split(images, torch.arange(n) % classes)


def batches(*augment: str, n: int = 50, batch: int = 16, **rest: object) -> Batches:
    zero, one = (0.0,) * 3, (1 / 255,) * 3
    return Batches(split(n), batch, augment, zero, one, CPU, torch.float32, **rest)


def seeded(seed: int = 7) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def places(epoch) -> list[int]:
    return torch.cat([images[:, 0, 0, 0] for images, _ in epoch]).round().int().tolist()


def test_an_epoch_holds_full_batches_of_different_images_with_their_labels():
    ours = batches()

    epoch = list(ours.epoch(seeded()))

    assert [len(images) for images, _ in epoch] == [16, 16, 16]
    assert len(ours) == 3
    seen = places(epoch)
    assert len(set(seen)) == 48
    assert [place % 5 for place in seen] == torch.cat([labels for _, labels in epoch]).tolist()


def test_fewer_images_than_a_batch_are_one_batch():
    ours = batches(n=10)

    epoch = list(ours.epoch(seeded()))

    assert len(ours) == len(epoch) == 1
    assert sorted(places(epoch)) == list(range(10))


def test_epochs_have_an_order_of_their_own_and_the_same_seed_repeats_them():
    ours, generator = batches(*ALL), seeded()

    first, second = list(ours.epoch(generator)), list(ours.epoch(generator))
    again = list(ours.epoch(seeded()))

    for (images, targets), (images_again, targets_again) in zip(first, again, strict=True):
        assert torch.equal(images, images_again)
        assert torch.equal(targets, targets_again)
    assert not torch.equal(first[0][0], second[0][0])


def test_an_epoch_leaves_the_global_random_numbers_alone():
    before = torch.get_rng_state()

    list(batches(*ALL).epoch(seeded()))

    assert torch.equal(torch.get_rng_state(), before)


def test_once_holds_every_image_in_order_unchanged_with_a_short_last_batch():
    epoch = list(batches(*ALL).once())

    assert [len(images) for images, _ in epoch] == [16, 16, 16, 2]
    images = torch.cat([images for images, _ in epoch])
    assert torch.allclose(images, split().images.float(), atol=1e-3)
    assert torch.equal(torch.cat([labels for _, labels in epoch]), split().labels)


def test_nothing_at_all_is_no_batch():
    nothing = split().take(torch.arange(0))

    ours = Batches(nothing, 16, (), (0.5,) * 3, (0.25,) * 3, CPU, torch.float32)

    assert list(ours.once()) == []


@pytest.mark.parametrize("augment", [(), ("crop", "flip"), ALL])
def test_the_parts_of_all_processes_are_the_batches_of_one(augment):
    one = list(batches(*augment).epoch(seeded()))

    parts = [list(batches(*augment, part=(rank, 2)).epoch(seeded())) for rank in range(2)]

    for (images, labels), *shares in zip(one, *parts, strict=True):
        assert torch.equal(images, torch.cat([share for share, _ in shares]))
        assert torch.equal(labels, torch.cat([share for _, share in shares]))


def test_every_process_evaluates_images_of_its_own():
    parts = [set(places(batches(part=(rank, 3)).once())) for rank in range(3)]

    assert [len(part) for part in parts] == [17, 17, 16]
    assert set.union(*parts) == set(range(50))


def test_one_more_augmentation_leaves_the_crops_as_they_were():
    plain = list(batches("crop", "flip").epoch(seeded()))

    cut = list(batches("crop", "flip", "cutout").epoch(seeded()))

    for (before, _), (after, _) in zip(plain, cut, strict=True):
        assert torch.equal(after[after != 0], before[after != 0])


def test_crops_are_those_of_the_draws_made_at_the_start_of_the_epoch():
    generator = seeded()
    order = torch.randperm(50, generator=generator)[:16]
    draws = torch.rand(50, COLUMNS, generator=generator)[:16]

    images, _ = next(iter(batches("crop", "flip").epoch(seeded())))

    bytes_ = split().images[order].permute(0, 2, 3, 1).contiguous()
    expected = window(bytes_, 4, draws[:, DRAWS["crop"]], draws[:, DRAWS["flip"]][:, 0])
    assert torch.allclose(images, expected.permute(0, 3, 1, 2).float(), atol=1e-3)


def test_images_are_channels_last_in_the_type_that_is_asked_for():
    half = Batches(split(), 16, ALL, (0.5,) * 3, (0.25,) * 3, CPU, torch.bfloat16)

    images, targets = next(iter(half.epoch(seeded())))

    assert images.dtype == torch.bfloat16
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert targets.dtype == torch.float32


@pytest.mark.parametrize("augment", [("mixup",), ("cutmix",), ("mixup", "cutmix")])
def test_targets_of_mixed_images_are_shares_of_two_classes(augment):
    ours = torch.cat([targets for _, targets in batches(*augment).epoch(seeded())])

    assert ours.shape == (48, 5)
    assert torch.allclose(ours.sum(1), torch.ones(48))
    assert ((ours > 0).sum(1) <= 2).all()
    assert (ours.max(1).values < 1).any()


def test_each_image_is_mixed_by_one_of_two_ways_that_are_named():
    """A blended image has values between bytes; a pasted one has not."""
    images = torch.cat([images for images, _ in batches("mixup", "cutmix").epoch(seeded())])

    blended = (images - images.round()).abs().amax((1, 2, 3)) > 0.01

    assert 8 < blended.sum() < 40


@pytest.mark.parametrize(
    ("augment", "words"),
    [
        (("crop", "flipp"), r"augment names 'flipp'; did you mean 'flip'\?"),
        (("blur",), "augment names 'blur'; there are"),
        (("crop", "resized-crop"), "one of them places the image"),
    ],
)
def test_names_that_are_no_augmentation_are_refused(augment, words):
    with pytest.raises(ValueError, match=words):
        batches(*augment)


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    with pytest.raises(ValueError, match="a batch of 16 does not divide evenly among 3 processes"):
        next(batches(part=(0, 3)).epoch(seeded()))
    with pytest.raises(ValueError, match="pairs to be mixed; make it a multiple of 8"):
        next(batches("mixup", batch=20, part=(0, 4)).epoch(seeded()))
