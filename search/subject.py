"""A class under examination, built as its site builds it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

SEED = 0


@dataclass(frozen=True)
class Subject:
    """A class under examination, its site, and the least usual width that it takes."""

    kind: Any
    site: str
    width: int

    def build(self, width: int | None = None, stride: int = 1) -> nn.Module:
        """Build the module as its site does, the same each time."""
        torch.manual_seed(SEED)
        made: nn.Module = self.kind(*self.arguments(width or self.width, stride))
        return made

    def arguments(self, width: int, stride: int = 1) -> tuple[int, ...]:
        """Return what the site hands to the class."""
        return {"act": (), "mix": (width, stride)}.get(self.site, (width,))

    def maps(self, module: nn.Module, size: Sequence[int], batch: int = 2) -> list[Tensor]:
        """Return what the site hands to a module: one map, or residual and shortcut."""
        channels = self.taken(module)
        noise = torch.Generator().manual_seed(SEED)
        count = 2 if self.site == "fuse" else 1
        return [torch.randn(batch, channels, *size, generator=noise) for _ in range(count)]

    def taken(self, module: nn.Module) -> int:
        """Return the channels of the maps that a module takes."""
        channels = module.channels if self.site == "mix" else self.width
        assert isinstance(channels, int)
        return channels

    def returned(self, module: nn.Module) -> int:
        """Return the channels that it hands on: a mix may say another count than it takes."""
        channels = getattr(module, "returned", None) if self.site == "mix" else None
        return channels if isinstance(channels, int) else self.taken(module)


class Alone(nn.Module):
    """A module as a network of its own."""

    def __init__(self, subject: Subject, width: int) -> None:
        super().__init__()
        self.inner = subject.kind(*subject.arguments(width))
        self.takes_two = subject.site == "fuse"

    def forward(self, x: Tensor) -> Tensor:
        """Hand a map to the module, twice where it fuses."""
        y: Tensor = self.inner(x, x) if self.takes_two else self.inner(x)
        return y


def scattered(module: nn.Module) -> nn.Module:
    """Return a copy in double precision with every tensor drawn, so that nothing hides as zero."""
    noise = torch.Generator().manual_seed(SEED)
    moved = copy.deepcopy(module).double()
    for name, tensor in moved.state_dict(keep_vars=True).items():
        if tensor.is_floating_point():
            drawn = torch.randn(tensor.shape, generator=noise, dtype=torch.float64) / 2
            tensor.data.copy_(1 + drawn.abs() if name.endswith("var") else drawn)
    return moved
