"""Image files read, cut and resized by worker processes while the device works."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from trials.split import Files, read

Box = tuple[int, int, int, int]
"""Top, left, height and width of a crop."""
Cut = Callable[[int, int, list[float]], Box]
"""Takes an image's height, its width, and the draws of its crop: none for the middle one."""
Task = tuple[int, list[float]]


class Stream:
    """Batches of bytes (n, size, size, 3) on a device, by as many workers as torch has threads.

    The number of threads is what a trial may use of the machine's processors.
    """

    def __init__(self, files: Files, cut: Cut, device: torch.device) -> None:
        self.device = device
        self.plan: list[list[Task]] = []
        self.loader = DataLoader(
            Reader(files, cut),
            batch_size=None,
            sampler=self.plan,
            num_workers=max(1, torch.get_num_threads()),
            pin_memory=device.type == "cuda",
            persistent_workers=True,
            generator=torch.Generator(),  # else it draws from, and so moves, the global one
        )

    def read(
        self, orders: Sequence[Tensor], draws: Sequence[Tensor] | None = None
    ) -> Iterator[Tensor]:
        """Yield one batch of bytes for each order, cut as its draws say."""
        places = [order.tolist() for order in orders]
        numbers = [some.tolist() for some in draws] if draws else [[[]] * len(p) for p in places]
        self.plan[:] = [list(zip(*pair, strict=True)) for pair in zip(places, numbers, strict=True)]
        for batch in self.loader:
            if isinstance(batch, str):
                raise ValueError(batch)
            yield batch.to(self.device, non_blocking=True)


class Reader(Dataset[Tensor | str]):
    """What a worker does: a list of tasks becomes a batch, or the words of what went wrong."""

    def __init__(self, files: Files, cut: Cut) -> None:
        self.files, self.cut = files, cut

    def __getitem__(self, tasks: list[Task]) -> Tensor | str:
        size = self.files.size
        batch = torch.empty(len(tasks), 3, size, size, dtype=torch.uint8)
        batch = batch.to(memory_format=torch.channels_last)
        for place, (index, draws) in enumerate(tasks):
            try:
                image = read(self.files.paths[index], self.files.decode)
            except ValueError as error:
                return str(error)  # raised in here it would arrive inside a worker's traceback
            _, height, width = image.shape
            batch[place] = resize(image, self.cut(height, width, draws), size)
        return batch.permute(0, 2, 3, 1)


def resize(image: Tensor, box: Box, size: int) -> Tensor:
    """Cut a box out of uint8 (3, h, w) and bring it to (3, size, size)."""
    top, left, height, width = box
    crop = image[None, :, top : top + height, left : left + width]
    if (height, width) != (size, size):
        # the byte kernel of torch is fastest on channels-last crops
        crop = crop.contiguous(memory_format=torch.channels_last)
        crop = F.interpolate(crop, (size, size), mode="bilinear", antialias=True)
    return crop[0]


def whole(height: int, width: int, draws: list[float]) -> Box:
    """Take the largest square in the middle."""
    side = min(height, width)
    return (height - side) // 2, (width - side) // 2, side, side


def inner(height: int, width: int, draws: list[float]) -> Box:
    """Take a square of 7/8 of the shorter side (224 of 256), where drawn or in the middle."""
    side = max(1, min(height, width) * 7 // 8)
    top, left = draws or (0.5, 0.5)
    return round((height - side) * top), round((width - side) * left), side, side


def resized(height: int, width: int, draws: list[float]) -> Box:
    """Take a box of 8 to 100 % of the area and a ratio of 3/4 to 4/3; the middle for no draws.

    As torchvision's RandomResizedCrop, but a box too long for the image is cut at its edge instead
    of being drawn again.
    """
    if not draws:
        return inner(height, width, draws)
    area, ratio, top, left = draws
    pixels = (0.08 + 0.92 * area) * height * width
    stretch = (4 / 3) ** (2 * ratio - 1)
    rows = max(1, min(height, round((pixels / stretch) ** 0.5)))
    columns = max(1, min(width, round((pixels * stretch) ** 0.5)))
    return round((height - rows) * top), round((width - columns) * left), rows, columns
