"""Every augmentation against slices, loops or torchvision."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import functional as vision

from trials.augment import cutmix, cutout, mixup, normalise, rand, resized_crop, window

JUST_BELOW_ONE = 1 - 2**-24


def batch(n: int = 12, height: int = 10, width: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, height, width, 3), dtype=torch.uint8, generator=generator)


def draws(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def rows(images: Tensor) -> Tensor:
    return images.flatten(2).float()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("pad", [0, 1, 4])
def test_windows_are_bit_equal_to_slices_of_the_padded_image(pad, mirrored):
    images, place, mirror = batch(200), draws(200, 2), draws(200)

    cut = window(images, pad, place, mirror if mirrored else None)

    for image, (top, left), coin, ours in zip(images, place, mirror, cut, strict=True):
        sheet = F.pad(image, (0, 0, pad, pad, pad, pad))
        if mirrored and coin < 0.5:
            sheet = sheet.flip(1)
        y, x = int(top * (2 * pad + 1)), int(left * (2 * pad + 1))
        assert torch.equal(ours, sheet[y : y + 10, x : x + 12])


def test_every_place_of_a_window_is_as_likely_as_any_other():
    images = torch.arange(256, dtype=torch.uint8)[None, :144, None, None].view(1, 12, 12, 1)
    images = images.expand(40500, -1, -1, 3)

    corner = window(images, 4, draws(40500, 2), None)[:, 6, 6, 0]

    counts = corner.bincount()[images[0, 2:11, 2:11, 0].flatten().long()]
    assert counts.sum() == 40500
    assert (counts - 500).abs().max() < 5 * 500**0.5


def test_a_draw_next_to_one_stays_inside_the_padding():
    images = batch(1)
    last = torch.full((1, 2), JUST_BELOW_ONE)

    cut = window(images, 4, last, None)

    assert torch.equal(cut[0, :6, :8], images[0, 4:, 4:])


def test_normalised_rows_are_what_torchvision_makes_of_the_bytes():
    images, mean, std = batch(), (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    scale = (1 / (torch.tensor(std) * 255)).repeat(12)
    shift = (-torch.tensor(mean) / torch.tensor(std)).repeat(12)

    ours = normalise(images, scale, shift, torch.float32)

    expected = vision.normalize(images.permute(0, 3, 1, 2) / 255, mean, std)
    assert torch.allclose(ours, expected.permute(0, 2, 3, 1).flatten(2), atol=1e-6)


def test_cutout_blanks_one_square_around_its_centre():
    images, place = rows(batch()) + 1, draws(12, 2)

    ours = cutout(images, place)

    for before, (y, x), after in zip(images, place, ours, strict=True):
        top, left = int(y * 10) - 2, int(x * 12) - 3
        expected = before.clone().view(10, 12, 3)
        expected[max(0, top) : top + 5, max(0, left) : left + 6] = 0
        assert torch.equal(after.view(10, 12, 3), expected)


def test_mixup_blends_images_and_targets_of_neighbours_alike():
    images, share = rows(batch(5)), draws(5)
    targets = torch.eye(5)

    mixed, shares = mixup(images, targets, share)

    for ours, (first, second) in enumerate([(0, 1), (1, 0), (2, 3), (3, 2), (4, 4)]):
        keep = share[ours]
        blend = keep * images[first] + (1 - keep) * images[second]
        assert torch.allclose(mixed[ours], blend, atol=1e-4)
        assert torch.allclose(shares[ours], keep * targets[first] + (1 - keep) * targets[second])


def test_cutmix_weighs_targets_by_the_pixels_that_came_from_each():
    images = torch.arange(12.0)[:, None, None].expand(-1, 16, 48)

    mixed, targets = cutmix(images, torch.eye(12), draws(12), draws(12, 2))

    for place, (image, target) in enumerate(zip(mixed, targets, strict=True)):
        foreign = (image == place ^ 1).float().mean()
        assert torch.allclose(target[place], 1 - foreign)
        assert torch.allclose(target[place ^ 1], foreign)


def test_cutmix_pastes_a_box_of_the_share_that_is_drawn():
    images = torch.arange(2.0)[:, None, None].expand(-1, 32, 96)
    middle = torch.full((2, 2), 0.5)

    mixed, _ = cutmix(images, torch.eye(2), torch.full((2,), 0.75), middle)

    assert (mixed[0].view(32, 32, 3)[8:24, 8:24] == 1).all()
    assert mixed[0].mean() == 0.25


def test_a_resized_crop_of_everything_changes_nothing():
    images = batch()

    ours = resized_crop(images, torch.tensor([JUST_BELOW_ONE, 0.5, 0.3, 0.7]).expand(12, 4))

    assert torch.equal(ours, images)


def test_a_resized_crop_enlarges_the_box_that_is_drawn():
    images = batch(height=32, width=32)
    quarter = torch.tensor([(0.25 - 0.08) / 0.92, 0.5, 0.0, JUST_BELOW_ONE]).expand(12, 4)

    ours = resized_crop(images, quarter)

    corner = images.permute(0, 3, 1, 2)[:, :, :16, 16:].float()
    expected = F.interpolate(corner, (32, 32), mode="bilinear").permute(0, 2, 3, 1)
    inside = slice(2, 30)
    assert (ours[:, inside, inside] - expected[:, inside, inside]).abs().max() <= 0.51


def recoloured(kind: int, strength: float) -> tuple[Tensor, Tensor]:
    """The images after one photometric change alone, and before, both bytes (n, 3, h, w)."""
    images = batch()
    one = torch.tensor([0.0, 0.5, (kind + 0.5) / 6, (strength + 1) / 2]).expand(12, 4)
    after = rand(images, one)
    return after.permute(0, 3, 1, 2), images.permute(0, 3, 1, 2)


@pytest.mark.parametrize("strength", [-0.8, 0.4])
@pytest.mark.parametrize(
    ("kind", "reference"),
    [
        (1, vision.adjust_brightness),
        (2, vision.adjust_contrast),
        (3, vision.adjust_saturation),
    ],
)
def test_blends_of_colour_are_those_of_torchvision(kind, reference, strength):
    ours, before = recoloured(kind, strength)

    expected = reference(before, 1 + 0.9 * strength)

    assert (ours.int() - expected.int()).abs().max() <= 1


def test_posterise_keeps_the_high_bits_as_torchvision_does():
    ours, before = recoloured(4, 0.75)

    assert torch.equal(ours, vision.posterize(before, 5))


def test_solarise_inverts_what_is_bright_as_torchvision_does():
    ours, before = recoloured(5, 0.6)

    assert torch.equal(ours, vision.solarize(before, 102))


def test_rand_may_leave_an_image_as_it_is():
    images = batch()

    ours = rand(images, torch.tensor([0.0, 0.9, 0.0, 0.9]).expand(12, 4))

    assert torch.equal(ours, images)


def bent(kind: int) -> tuple[Tensor, Tensor]:
    """The images after one geometric change at half strength alone, and before, (n, 3, h, w)."""
    images = batch(height=40, width=40)
    after = rand(images, torch.tensor([(kind + 0.5) / 6, 0.75, 0.0, 0.5]).expand(12, 4))
    return after.permute(0, 3, 1, 2).float(), images.permute(0, 3, 1, 2).float()


@pytest.mark.parametrize(
    ("kind", "angle", "shear"),
    [
        (1, 0.0, [math.degrees(math.atan(0.15)), 0.0]),
        (2, 0.0, [0.0, math.degrees(math.atan(0.15))]),
        (5, -15.0, [0.0, 0.0]),
    ],
)
def test_shears_and_rotations_are_those_of_torchvision(kind, angle, shear):
    ours, before = bent(kind)

    expected = vision.affine(before, angle, [0, 0], 1.0, shear, vision.InterpolationMode.BILINEAR)

    assert (ours - expected).abs().mean() < 0.5


@pytest.mark.parametrize(("kind", "axis"), [(3, 3), (4, 2)])
def test_a_shift_moves_the_image_and_leaves_black(kind, axis):
    ours, before = bent(kind)

    expected = torch.zeros_like(before)
    expected.narrow(axis, 0, 31).copy_(before.narrow(axis, 9, 31))
    assert (ours - expected).abs().max() <= 1
