"""Picture files by Pillow, and no more of their pixels than are needed."""

from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from trials.box import Box

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".tif", ".tiff")


def read(path: str, size: int, cut: Callable[[int, int], Box], mirrored: bool = False) -> Tensor:
    """Read what `cut` picks, given height and width, as bytes (size, size, 3)."""
    try:
        with Image.open(path) as image:
            crop = _crop(image, size, cut)
    except Exception as error:  # Pillow lets pass whatever its decoders stumble over
        raise _unreadable(path, error) from error
    if mirrored:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = torch.frombuffer(bytearray(crop.tobytes()), dtype=torch.uint8)
    planes = pixels.view(1, crop.height, crop.width, 3).permute(0, 3, 1, 2)
    if crop.size != (size, size):
        # several times as fast as Pillow's, and on bytes within two steps of it
        planes = F.interpolate(planes, (size, size), mode="bilinear", antialias=True)
    return planes[0].permute(1, 2, 0)


def _crop(image: Image.Image, size: int, cut: Callable[[int, int], Box]) -> Image.Image:
    """Cut the box out, decoding a JPEG at a half, a quarter or an eighth where that is enough.

    Enough is twice the size: then the edges, whole pixels again, are off by a quarter of one later.
    """
    width, height = image.size
    top, left, rows, columns = cut(height, width)
    image.draft("RGB", (-(-2 * size * width // columns), -(-2 * size * height // rows)))
    across, down = image.width / width, image.height / height
    first, last = round(left * across), round((left + columns) * across)
    above, below = round(top * down), round((top + rows) * down)
    crop = image.crop((first, above, last, below))
    return crop if crop.mode == "RGB" else crop.convert("RGB")


def shape(path: str) -> tuple[int, int]:
    """Return height and width; only the file's header is read."""
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except Exception as error:
        raise _unreadable(path, error) from error


def shrink(source: str, target: Path, side: int) -> None:
    """Write a JPEG copy whose shorter side is `side`, or as it was if that is less."""
    try:
        with Image.open(source) as image:
            scale = min(1.0, side / min(image.size))
            size = round(image.width * scale), round(image.height * scale)
            image.draft("RGB", size)
            small = image.convert("RGB").resize(size, Image.Resampling.BILINEAR)
    except Exception as error:
        raise _unreadable(source, error) from error
    small.save(target, "JPEG", quality=95)


def _unreadable(path: str, error: Exception) -> ValueError:
    return ValueError(f"{path} cannot be read as an image ({error}); replace it or remove it")
