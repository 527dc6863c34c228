"""Where in an image a crop lies."""

from collections.abc import Sequence

Box = tuple[int, int, int, int]
"""Top, left, height and width."""


def whole(draws: Sequence[float], height: int, width: int) -> Box:
    """Take the largest square in the middle."""
    side = min(height, width)
    return (height - side) // 2, (width - side) // 2, side, side


def inner(draws: Sequence[float], height: int, width: int) -> Box:
    """Take a square of 7/8 of the shorter side (224 of 256), where drawn or in the middle."""
    side = max(1, min(height, width) * 7 // 8)
    top, left = draws or (0.5, 0.5)
    return round((height - side) * top), round((width - side) * left), side, side


def resized(draws: Sequence[float], height: int, width: int) -> Box:
    """Take a box of 8 to 100 % of the area and a ratio of 3/4 to 4/3; the middle for no draws.

    As torchvision's RandomResizedCrop, but a box too long for the image is cut at its edge instead
    of being drawn again.
    """
    if not draws:
        return inner(draws, height, width)
    area, ratio, top, left = draws
    pixels = (0.08 + 0.92 * area) * height * width
    stretch = (4 / 3) ** (2 * ratio - 1)
    rows = max(1, min(height, round((pixels / stretch) ** 0.5)))
    columns = max(1, min(width, round((pixels * stretch) ** 0.5)))
    return round((height - rows) * top), round((width - columns) * left), rows, columns
