"""Batches of a split on its device, augmented there."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from trials.augment import (
    COLUMNS,
    DRAWS,
    PAD,
    cutmix,
    cutout,
    mixup,
    normalise,
    rand,
    resized_crop,
    window,
)
from trials.recipe import AUGMENTATIONS
from trials.split import Files, Split
from trials.stream import Stream


class Batches:
    """Normalised images (n, 3, h, w) in channels-last memory, and their labels.

    Images that fit stay on `device` as bytes; files are read by workers. An epoch's order and all
    its draws are made at its start, on the CPU, from the generator handed in: the same seed gives
    the same batches on any device, and nothing waits for the device in between. `part` is
    (rank, world): this process's even part of every batch, out of the same draws.
    """

    def __init__(
        self,
        split: Split | Files,
        batch: int,
        augment: tuple[str, ...],
        mean: tuple[float, ...],
        std: tuple[float, ...],
        device: torch.device,
        dtype: torch.dtype,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        check_augment(augment)
        self.batch, self.augment, self.part = batch, augment, part
        self.device, self.dtype = device, dtype
        self.labels = split.labels.to(device)
        # a split that is trained on holds every class; `load` sees to that
        self.classes = int(split.labels.max()) + 1 if len(split) else 0
        self.source: Held | Stream
        if isinstance(split, Split):
            self.source, width = Held(split, augment, device), split.images.shape[3]
        else:
            self.source, width = Stream(split, augment, device), split.size
        deviation = torch.tensor(std) * 255
        self.scale = (1 / deviation).repeat(width).to(device)
        self.shift = (-255 * torch.tensor(mean) / deviation).repeat(width).to(device)

    def __len__(self) -> int:
        """Count an epoch's batches: the full ones, or the only one."""
        return max(1, len(self.labels) // self.batch)

    def epoch(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield full batches in a fresh order, each image at most once, with draws of its own.

        Labels are int64 (n,), or float32 (n, classes) where images are mixed.
        """
        count = len(self.labels)
        share = self._share()
        order = torch.randperm(count, generator=generator)
        draws = torch.rand(count, COLUMNS, generator=generator)
        starts = self.batch * torch.arange(len(self)) + share * self.part[0]
        mine = starts[:, None] + torch.arange(share)
        labels = self.labels[order[mine].to(self.device)]
        there = draws[mine].to(self.device)
        raw = self.source.read(order[mine].unbind(), draws[mine].unbind())
        for images, targets, numbers in zip(raw, labels, there, strict=True):
            yield self._augmented(images, targets, numbers)

    def once(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this part's images once, in order, unchanged; the last batch may be short."""
        rank, world = self.part
        mine = torch.arange(rank, len(self.labels), world)
        if not len(mine):
            return
        labels = self.labels[mine.to(self.device)].split(self.batch)
        for images, targets in zip(self.source.read(mine.split(self.batch)), labels, strict=True):
            yield _planes(normalise(images, self.scale, self.shift, self.dtype)), targets

    def _share(self) -> int:
        """Return how much of a batch is this process's; images that are mixed stay in pairs."""
        batch, world = min(self.batch, len(self.labels)), self.part[1]
        mixes = world > 1 and not {"mixup", "cutmix"}.isdisjoint(self.augment)
        parts = 2 * world if mixes else world
        if batch % parts:
            raise ValueError(
                f"a batch of {batch} does not divide evenly among {world} processes"
                f"{' in pairs to be mixed' if mixes else ''}; make it a multiple of {parts}"
            )
        return batch // world

    def _augmented(self, images: Tensor, labels: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        names = self.augment
        if "rand" in names:
            images = rand(images, draws[:, DRAWS["rand"]])
        rows = normalise(images, self.scale, self.shift, self.dtype)
        if "cutout" in names:
            rows = cutout(rows, draws[:, DRAWS["cutout"]])
        if "mixup" in names or "cutmix" in names:
            rows, labels = self._mixed(rows, labels, draws[:, DRAWS["mix"]])
        return _planes(rows), labels

    def _mixed(self, rows: Tensor, labels: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """Mix by the one way named, or by either with even odds."""
        which, share = draws[:, 0], draws[:, 1]
        odds = (1 + ("mixup" in self.augment) - ("cutmix" in self.augment)) / 2
        targets = F.one_hot(labels, self.classes).float()
        rows, targets = mixup(rows, targets, torch.where(which < odds, share, 1))
        return cutmix(rows, targets, torch.where(which < odds, 1, share), draws[:, 2:4])


class Held:
    """All images on the device as (n, h, w, 3) bytes."""

    def __init__(self, split: Split, augment: tuple[str, ...], device: torch.device) -> None:
        self.images = split.images.permute(0, 2, 3, 1).contiguous().to(device)
        self.augment = augment

    def read(
        self, orders: Sequence[Tensor], draws: Sequence[Tensor] | None = None
    ) -> Iterator[Tensor]:
        """Yield one batch of bytes for each order, cropped and mirrored by its draws."""
        places = self._there(orders)
        if draws is None:
            yield from map(partial(self.images.index_select, 0), places)
            return
        for index, numbers in zip(places, self._there(draws), strict=True):
            yield self._placed(self.images.index_select(0, index), numbers)

    def _there(self, parts: Sequence[Tensor]) -> Sequence[Tensor]:
        """Bring all parts to the device in one copy; one copy each would wait for it each time."""
        whole = torch.cat(list(parts)).to(self.images.device)
        return torch.split(whole, [len(part) for part in parts])

    def _placed(self, images: Tensor, draws: Tensor) -> Tensor:
        if "resized-crop" in self.augment:
            images = resized_crop(images, draws[:, DRAWS["resized-crop"]])
        pad = PAD if "crop" in self.augment else 0
        mirror = draws[:, DRAWS["flip"]][:, 0] if "flip" in self.augment else None
        if pad or mirror is not None:
            images = window(images, pad, draws[:, DRAWS["crop"]], mirror)
        return images


def check_augment(augment: tuple[str, ...]) -> None:
    """Refuse a name that is no augmentation, and two crops at once."""
    for name in augment:
        if name not in AUGMENTATIONS:
            near = get_close_matches(name, AUGMENTATIONS, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {list(AUGMENTATIONS)}"
            raise ValueError(f"augment names {name!r}; {hint}")
    if {"crop", "resized-crop"} <= set(augment):
        raise ValueError("augment names 'crop' and 'resized-crop'; one of them places the image")


def _planes(rows: Tensor) -> Tensor:
    n, height, across = rows.shape
    return rows.view(n, height, across // 3, 3).permute(0, 3, 1, 2)
