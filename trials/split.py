"""Images held as tensors, and how a share of them is drawn class by class."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Images as uint8 (n, 3, h, w), fastest in channels-last memory, and int64 labels (n,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Tensor) -> Self:
        """Keep the images at these places."""
        rows = self.images.permute(0, 2, 3, 1).index_select(0, index)
        return type(self)(rows.permute(0, 3, 1, 2), self.labels[index])


@dataclass(frozen=True)
class Files:
    """Images left on disk; worker processes read, cut and resize them to `size` in training."""

    paths: tuple[str, ...]
    labels: Tensor
    size: int

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Tensor) -> Self:
        """Keep the files at these places."""
        paths = tuple(self.paths[place] for place in index.tolist())
        return type(self)(paths, self.labels[index], self.size)


def joined(one: Split | Files, other: Split | Files) -> Split | Files:
    """Put two parts of a set together again."""
    labels = torch.cat([one.labels, other.labels])
    if isinstance(one, Files) and isinstance(other, Files):
        return Files(one.paths + other.paths, labels, one.size)
    if isinstance(one, Split) and isinstance(other, Split):
        return Split(torch.cat([one.images, other.images]), labels)
    raise ValueError("one part of the data is tensors and the other files; give both alike")


def stratified(labels: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw `count` places with every class at its share; return those left and those drawn."""
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    sizes = torch.bincount(labels)
    rank = torch.arange(len(labels)) - (sizes.cumsum(0) - sizes)[labels[by_class]]
    drawn = rank < _quotas(sizes, count)[labels[by_class]]
    return by_class[~drawn].sort().values, by_class[drawn].sort().values


def _quotas(sizes: Tensor, count: int) -> Tensor:
    """Share `count` out by size; what rounding down leaves goes to the largest remainders."""
    quotas = sizes * count // sizes.sum()
    remainders = sizes * count % sizes.sum()
    most = remainders.argsort(descending=True, stable=True)
    quotas[most[: count - int(quotas.sum())]] += 1
    return quotas
