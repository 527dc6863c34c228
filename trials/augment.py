"""Augmentation in batches: each function takes images and, for every image, its draws in [0, 1).

Images are uint8 (n, h, w, 3) before they are normalised. After that they are rows (n, h, w · 3),
the layout in which pointwise work on three channels runs at full width.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

PAD = 4

DRAWS = {
    "crop": slice(0, 2),
    "flip": slice(2, 3),
    "resized-crop": slice(3, 7),
    "rand": slice(7, 11),
    "cutout": slice(11, 13),
    "mix": slice(13, 17),
}
"""The columns of an epoch's draws: each augmentation has its own, so one more leaves the rest."""
COLUMNS = 17


def window(images: Tensor, pad: int, place: Tensor, mirror: Tensor | None) -> Tensor:
    """Cut windows of the images' own size out of the padded, perhaps mirrored, images.

    Overlapping rows of a window's width are seen as one matrix, so that all cuts together are one
    `index_select`.
    """
    n, height, width, channels = images.shape
    faces = 1 if mirror is None else 2
    sheets = images.new_zeros(n, faces, height + 2 * pad, width + 2 * pad, channels)
    inside = sheets[:, :, pad : pad + height, pad : pad + width]
    inside[:, 0] = images
    sheet = faces * torch.arange(n, device=images.device)
    if mirror is not None:
        inside[:, 1] = images.flip(2)
        sheet = sheet + (mirror < 0.5)
    top, left = _whole(place, 2 * pad + 1).unbind(1)
    first = sheet * sheets.shape[2] + top
    lines = first[:, None] + torch.arange(height, device=images.device)
    index = lines * sheets.shape[3] + left[:, None]
    starts = sheets.numel() // channels - width + 1
    rows = sheets.view(-1).as_strided((starts, width * channels), (channels, 1))
    return rows.index_select(0, index.flatten()).view(images.shape)


def resized_crop(images: Tensor, draws: Tensor) -> Tensor:
    """Enlarge a box of 8 to 100 % of each image's area and a ratio of 3/4 to 4/3 to the full size.

    Such a box is never shrunk, so two-by-two interpolation is exact without a wider filter.
    """
    area, ratio, top, left = draws.unbind(1)
    side, stretch = (0.08 + 0.92 * area).sqrt(), (4 / 3) ** (ratio - 0.5)
    width, height = (side * stretch).clamp(max=1), (side / stretch).clamp(max=1)
    zero = torch.zeros_like(width)
    x = torch.stack([width, zero, (1 - width) * (2 * left - 1)], 1)
    y = torch.stack([zero, height, (1 - height) * (2 * top - 1)], 1)
    return _warp(images, torch.stack([x, y], 1), "border").to(torch.uint8)


def rand(images: Tensor, draws: Tensor) -> Tensor:
    """Bend and recolour each image, after RandAugment (Cubuk et al. 2019).

    One of none, shear, shift or rotation, then one of none, brightness, contrast, colour,
    posterise or solarise; the strength of each is drawn up to that of torchvision's.
    """
    bend, bend_by, colour, colour_by = draws.unbind(1)
    bent = _warp(images, _bends(bend, 2 * bend_by - 1), "zeros")
    return _recolour(bent, colour, 2 * colour_by - 1).round().to(torch.uint8)


def _bends(draw: Tensor, strength: Tensor) -> Tensor:
    """One affine map per image: none, shear along x or y, shift along x or y, rotation."""
    amount = F.one_hot(_whole(draw, 6), 6) * strength[:, None]
    _, shear_x, shear_y, shift_x, shift_y, turn = amount.unbind(1)
    angle = turn * math.radians(30)
    x = torch.stack([angle.cos(), 0.3 * shear_x - angle.sin(), 0.9 * shift_x], 1)
    y = torch.stack([0.3 * shear_y + angle.sin(), angle.cos(), 0.9 * shift_y], 1)
    return torch.stack([x, y], 1)


def _recolour(images: Tensor, draw: Tensor, strength: Tensor) -> Tensor:
    """Change none, brightness, contrast, colour, depth or polarity of (n, h, w, 3) in 0..255."""
    kind = _whole(draw, 6)[:, None, None, None]
    strength = strength[:, None, None, None]
    red, green, blue = images.unbind(3)
    grey = (0.299 * red + 0.587 * green + 0.114 * blue)[..., None]
    pale = torch.where(kind == 3, grey, grey.mean((1, 2), keepdim=True) * (kind == 2))
    factor = 1 + 0.9 * strength * ((kind >= 1) & (kind <= 3))
    images = (pale + factor * (images - pale)).clamp(0, 255)
    step = torch.where(kind == 4, 2 ** (4 * strength.abs()).round(), 1)
    images = (images / step).floor() * step
    threshold = torch.where(kind == 5, 255 * (1 - strength.abs()), 256)
    return torch.where(images >= threshold, 255 - images, images)


def _warp(images: Tensor, maps: Tensor, padding: str) -> Tensor:
    n, height, width, channels = images.shape
    planes = images.permute(0, 3, 1, 2).float().contiguous()
    grid = F.affine_grid(maps, [n, channels, height, width], align_corners=False)
    warped = F.grid_sample(planes, grid, "bilinear", padding, align_corners=False)
    # an image that is not moved comes back a rounding error off, which whole steps would magnify
    return warped.round().permute(0, 2, 3, 1)


def normalise(images: Tensor, scale: Tensor, shift: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn bytes into rows of numbers; `scale` and `shift` repeat their channels along a row."""
    rows = images.reshape(len(images), images.shape[1], -1)
    return rows.to(torch.float32).mul_(scale).add_(shift).to(dtype)


def cutout(rows: Tensor, draws: Tensor) -> Tensor:
    """Set a square of half the image's side to the mean; its centre lies anywhere in the image.

    DeVries & Taylor 2017, https://arxiv.org/abs/1708.04552.
    """
    return rows.masked_fill(_box(rows, draws, torch.full_like(draws[:, 0], 0.5)), 0)


def mixup(rows: Tensor, targets: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Blend each image with its neighbour, keeping `share` of it and of its target.

    Zhang et al. 2018, https://arxiv.org/abs/1710.09412, α = 1. The order of an epoch is random, so
    a neighbour is as good as any, and halves of a batch can be mixed apart.
    """
    keep = share[:, None]
    mixed = torch.lerp(_neighbour(rows), rows, keep[:, None].to(rows.dtype))
    return mixed, torch.lerp(_neighbour(targets), targets, keep)


def cutmix(rows: Tensor, targets: Tensor, share: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    """Paste a box of about `1 - share` of its neighbour into each image; targets go by its area.

    Yun et al. 2019, https://arxiv.org/abs/1905.04899.
    """
    box = _box(rows, place, (1 - share).sqrt())
    keep = 1 - box.float().mean((1, 2))[:, None]
    return torch.where(box, _neighbour(rows), rows), torch.lerp(_neighbour(targets), targets, keep)


def _neighbour(batch: Tensor) -> Tensor:
    """Swap first with second, third with fourth and so on; a last odd one stays."""
    index = torch.arange(len(batch), device=batch.device) ^ 1
    return batch.index_select(0, index.clamp_(max=len(batch) - 1))


def _box(rows: Tensor, place: Tensor, side: Tensor) -> Tensor:
    """Mask a box around a place in each image, `side` of its height and width, cut at the edge."""
    height, width = rows.shape[1], rows.shape[2] // 3
    vertical = _span(height, place[:, 0], side)
    across = _span(width, place[:, 1], side).repeat_interleave(3, 1)
    return vertical[:, :, None] & across[:, None, :]


def _span(size: int, place: Tensor, side: Tensor) -> Tensor:
    length = (side * size).round().long()
    start = (_whole(place, size) - length // 2)[:, None]
    axis = torch.arange(size, device=place.device)
    return (axis >= start) & (axis < start + length[:, None])


def _whole(draw: Tensor, count: int) -> Tensor:
    """Turn draws into 0 … count - 1; a draw next to 1 may round up to `count`."""
    return (draw * count).long().clamp_(max=count - 1)
