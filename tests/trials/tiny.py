"""Data and networks small enough to train in a test, importable by other processes."""

import os
import signal
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from trials.data import Data
from trials.recipe import Recipe
from trials.split import Split


def split(count: int, seed: int, classes: int = 4, size: int = 8) -> Split:
    """Draw images of one colour pattern per class under noise."""
    noise = torch.Generator().manual_seed(seed)
    patterns = torch.randint(0, 256, (classes, 3, size, size), generator=torch.Generator())
    labels = torch.arange(count) % classes
    images = patterns[labels] + torch.randint(-80, 80, (count, 3, size, size), generator=noise)
    return Split(images.clamp(0, 255).to(torch.uint8), labels)


def data(count: int = 64, classes: int = 4) -> Data:
    return Data(
        train=split(count, 1, classes),
        validation=split(22, 2, classes),
        test=split(22, 3, classes),
        classes=tuple(str(number) for number in range(classes)),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        fingerprint="tiny",
        provenance="made for tests",
    )


def recipe(**changes: object) -> Recipe:
    values = {"epochs": 3, "batch": 16, "lr": 0.05, "precision": "fp32", **changes}
    return Recipe(**values)


def plain(classes: int = 4, extra: nn.Module | None = None) -> nn.Module:
    """Two convolutions with norms; `extra` sees the feature map."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        extra or nn.Identity(),
        nn.Conv2d(8, 8, 3, 2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, classes),
    )


class Trap(nn.Module):
    """Do something bad in the given training step, counted from 1."""

    def __init__(self, step: int, harm: str) -> None:
        super().__init__()
        self.step, self.harm, self.seen = step, harm, 0

    def forward(self, x: Tensor) -> Tensor:
        self.seen += self.training
        if not self.training or self.seen != self.step:
            return x
        if self.harm == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.harm == "interrupt":
            raise KeyboardInterrupt
        if self.harm == "raise":
            raise RuntimeError("this module wants 64 channels")
        return x * float("nan")


class Hungry(nn.Module):
    """Need more memory than there is for more than so many images at once."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def forward(self, x: Tensor) -> Tensor:
        if self.training and len(x) > self.most:
            torch.empty(2**46)
        return x


def trapped(step: int, harm: str) -> partial[nn.Module]:
    return partial(build_trapped, step, harm)


def build_trapped(step: int, harm: str) -> nn.Module:
    return plain(extra=nn.Sequential(nn.Dropout(0.2), Trap(step, harm)))


def build_hungry(most: int) -> nn.Module:
    return plain(extra=Hungry(most))


def states(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
