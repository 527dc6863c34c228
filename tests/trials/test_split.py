"""Stratified draws."""

import torch

from trials.split import Split, stratified


def labels() -> torch.Tensor:
    return torch.repeat_interleave(torch.arange(4), torch.tensor([100, 50, 30, 7]))


def test_a_stratified_draw_takes_every_class_at_its_share():
    left, drawn = stratified(labels(), 37, seed=0)

    assert labels()[drawn].bincount().tolist() == [20, 10, 6, 1]
    assert sorted(torch.cat([left, drawn]).tolist()) == list(range(187))


def test_a_stratified_draw_takes_just_as_many_as_asked_for():
    for count in (0, 1, 5, 64, 186, 187):
        _, drawn = stratified(labels(), count, seed=0)

        assert len(drawn) == count


def test_a_seed_repeats_its_draw_and_another_draws_others():
    first, again, other = (stratified(labels(), 40, seed)[1] for seed in (0, 0, 1))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_taking_keeps_images_with_their_labels_in_channels_last_memory():
    images = torch.arange(187, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 4, 4)
    split = Split(images, labels())

    some = split.take(torch.tensor([186, 3]))

    assert some.images[:, 0, 0, 0].tolist() == [186, 3]
    assert some.labels.tolist() == [3, 0]
    assert some.images.is_contiguous(memory_format=torch.channels_last)
