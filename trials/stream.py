"""Image files read, cut and resized by worker processes while the device works."""

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from trials.augment import DRAWS
from trials.box import Box, inner, resized, whole
from trials.picture import read
from trials.split import Files

Task = tuple[int, list[float], bool]
"""Which file, the draws of its crop (none for the middle), and whether it is mirrored."""


class Stream:
    """Files as batches of bytes (n, size, size, 3) on a device, cropped and mirrored.

    There are as many workers as torch has threads: that is what a trial may use of the machine.
    """

    def __init__(self, files: Files, augment: tuple[str, ...], device: torch.device) -> None:
        self.device = device
        self.plan = Plan(augment)
        self.loader = DataLoader(
            Reader(files, resized if "resized-crop" in augment else inner),
            batch_size=None,
            sampler=self.plan,
            num_workers=torch.get_num_threads(),
            pin_memory=device.type == "cuda",
            persistent_workers=True,
            generator=torch.Generator(),  # else it draws from, and so moves, the global one
        )

    def read(
        self, orders: Sequence[Tensor], draws: Sequence[Tensor] | None = None
    ) -> Iterator[Tensor]:
        """Yield one batch of bytes for each order, placed by its draws; without, in the middle."""
        self.plan.orders, self.plan.draws = orders, draws
        for batch in _whole_batches(self.loader):
            yield batch.to(self.device, non_blocking=True)


class Plan:
    """The batches of one reading, written out for the workers one at a time."""

    def __init__(self, augment: tuple[str, ...]) -> None:
        place = [name for name in ("resized-crop", "crop") if name in augment]
        self.columns = DRAWS[place[0]] if place else slice(0, 0)
        self.mirrors = "flip" in augment
        self.orders: Sequence[Tensor] = ()
        self.draws: Sequence[Tensor] | None = None

    def __iter__(self) -> Iterator[list[Task]]:
        if self.draws is None:
            yield from map(_middle, self.orders)
            return
        for order, draws in zip(self.orders, self.draws, strict=True):
            places = draws[:, self.columns].tolist()
            mirrored = (draws[:, DRAWS["flip"]][:, 0] < 0.5) & self.mirrors
            yield list(zip(order.tolist(), places, mirrored.tolist(), strict=True))


def squares(files: Files) -> Iterator[Tensor]:
    """Yield the middle squares of all files in order, by every processor there is."""
    plan = [_middle(order) for order in torch.arange(len(files)).split(256)]
    workers = min(len(plan), os.cpu_count() or 1)
    loader = DataLoader(Reader(files, whole), None, sampler=plan, num_workers=workers)
    yield from _whole_batches(loader)


def _middle(order: Tensor) -> list[Task]:
    return [(index, [], False) for index in order.tolist()]


class Reader(Dataset[Tensor | str]):
    """What a worker does: tasks become a batch, or the words of what went wrong."""

    def __init__(self, files: Files, box: Callable[[list[float], int, int], Box]) -> None:
        self.files, self.box = files, box

    def __getitem__(self, tasks: list[Task]) -> Tensor | str:
        size = self.files.size
        batch = torch.empty(len(tasks), size, size, 3, dtype=torch.uint8)
        for place, (index, draws, mirrored) in enumerate(tasks):
            cut = partial(self.box, draws)
            try:
                batch[place] = read(self.files.paths[index], size, cut, mirrored)
            except ValueError as error:
                return str(error)  # raised in here it would arrive inside a worker's traceback
        return batch


def _whole_batches(loader: DataLoader[Tensor | str]) -> Iterator[Tensor]:
    for batch in loader:
        if isinstance(batch, str):
            raise ValueError(batch)
        yield batch
