"""Embedded data: real handwritten digits, plain, or small somewhere in a cluttered scene.

Scenes are painted with elementwise arithmetic only, one rounding a step, so that the same bytes
come out on any processor.
"""

import csv
import gzip
import hashlib
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from trials.split import Split, stratified

DIGITS = Path(__file__).parent / "assets" / "digits.csv.gz"
SIZE = 32
SCENES, TEST_SCENES = 7500, 1500
DIGIT_SIZES, FRAGMENT_SIZES = (8, 24), (8, 12)
FRAGMENTS = 4
CHUNK = 500
"""Scenes painted at a time: more would leave the processor's cache."""


def digits() -> tuple[Split, Split]:
    """Read the UCI optical digits (assets/digits.md), 8×8 in 0..255; a fifth is for the test."""
    with gzip.open(DIGITS, "rt") as file:
        table = torch.tensor([[int(cell) for cell in row] for row in csv.reader(file)])
    grey = ((table[:, :64] * 255 + 8) // 16).to(torch.uint8).view(-1, 8, 8, 1)
    every = Split(grey.expand(-1, -1, -1, 3).permute(0, 3, 1, 2), table[:, 64])
    rest, test = stratified(every.labels, len(every) // 5, seed=0)
    return every.take(rest), every.take(test)


def clutter(validation: float) -> tuple[Split, Split, Split]:
    """Make scenes to train on, to validate and to test on.

    The glyphs are divided first, so that no scene shares one with another split; `validation` is
    the share of glyphs, and of scenes, that is held out of training.
    """
    rest, test = digits()
    kept, held = stratified(rest.labels, round(validation * len(rest)), seed=0)
    count = round(validation * SCENES)
    return (
        _scenes(rest.take(kept), SCENES - count, seed=1),
        _scenes(rest.take(held), count, seed=2),
        _scenes(test, TEST_SCENES, seed=3),
    )


def edition() -> str:
    """Hash what the scenes follow from: the digits, and the code that makes them."""
    files = (DIGITS, Path(__file__), Path(__file__).with_name("split.py"))
    content = b"".join(file.read_bytes() for file in files)
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _scenes(glyphs: Split, count: int, seed: int) -> Split:
    generator = torch.Generator().manual_seed(seed)
    labels = (torch.arange(count) % 10)[torch.randperm(count, generator=generator)]
    images = torch.empty(count, SIZE, SIZE, 3, dtype=torch.uint8)
    for start in range(0, count, CHUNK):
        some = slice(start, start + CHUNK)
        images[some] = _paint(glyphs, labels[some], generator)
    return Split(images.permute(0, 3, 1, 2), labels)


def _paint(glyphs: Split, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Paint dark grounds, fragments of any glyphs over them, the labels' digits, then grain."""
    n = len(labels)
    ink = glyphs.images[:, 0].float() / 255
    scene = _ground(torch.rand(n, 1, 1, 7, generator=generator))
    for _ in range(FRAGMENTS):
        chosen, row, column = torch.rand(3, n, generator=generator).unbind()
        half = _half(row)[:, :, None] * _half(column)[:, None, :]
        fragment = ink[(chosen * len(ink)).long()] * half
        draws = torch.rand(n, 6, generator=generator)
        scene = _stamp(scene, fragment, FRAGMENT_SIZES, draws)
    digit = ink[_members(glyphs.labels, labels, torch.rand(n, generator=generator))]
    scene = _stamp(scene, digit, DIGIT_SIZES, torch.rand(n, 6, generator=generator))
    grain = (torch.rand(scene.shape, generator=generator) - 0.5) * 0.1
    return ((scene + grain).clamp(0, 1) * 255).round().to(torch.uint8)


def _ground(draws: Tensor) -> Tensor:
    """Blend two dark colours along a slope, (n, SIZE, SIZE, 3)."""
    axis = torch.arange(SIZE) / SIZE
    slope = draws[..., :1]
    blend = axis[:, None, None] * slope + axis[None, :, None] * (1 - slope)
    first, second = draws[..., 1:4], draws[..., 4:]
    return (first + (second - first) * blend) * 0.4


def _members(classes: Tensor, labels: Tensor, draw: Tensor) -> Tensor:
    """Draw for each label the place of a glyph of its class."""
    sizes = torch.bincount(classes)
    first = sizes.cumsum(0) - sizes
    return classes.argsort(stable=True)[first[labels] + (draw * sizes[labels]).long()]


def _half(draw: Tensor) -> Tensor:
    """Mark four of a glyph's eight lines, (n, 8)."""
    start = (draw * 5).long()[:, None]
    axis = torch.arange(8)
    return (axis >= start) & (axis < start + 4)


def _stamp(scene: Tensor, ink: Tensor, sizes: tuple[int, int], draws: Tensor) -> Tensor:
    """Enlarge ink (n, 8, 8) to any of the sizes, in a light colour, anywhere in the scene."""
    size = sizes[0] + (draws[:, 0] * (sizes[1] + 1 - sizes[0])).floor()
    top, left = (draws[:, 1:3] * (SIZE + 1 - size)[:, None]).floor().unbind(1)
    padded = F.pad(ink, (1, 1, 1, 1))
    opacity = _stretch(_stretch(padded, top, size).transpose(1, 2), left, size).transpose(1, 2)
    colour = 0.6 + 0.4 * draws[:, None, None, 3:]
    return scene + opacity[..., None] * (colour - scene)


def _stretch(ink: Tensor, start: Tensor, size: Tensor) -> Tensor:
    """Interpolate padded ink (n, 10, w) along its rows to (n, SIZE, w)."""
    axis = torch.arange(SIZE) - start[:, None]
    place = ((axis + 0.5) * 8 / size[:, None] + 0.5).clamp(0, 9)
    low = place.floor().clamp(max=8)
    share = (place - low)[:, :, None]
    index = low.long()[:, :, None].expand(-1, -1, ink.shape[2])
    return ink.gather(1, index) * (1 - share) + ink.gather(1, index + 1) * share
