"""The 6,561 networks of NAS-Bench-Macro, Su et al. 2021, https://github.com/xiusu/NAS-Bench-Macro.

Eight layers in stages of 2, 3 and 3, each one of three kinds; the first of a stage strides and
doubles the channels. The published table has the parameters and the multiply-accumulates of each.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from modules.backbones.network import Backbone, Factory, Plan

TABLE = Path(__file__).parents[3] / "shared/data/nas-bench-macro_cifar10.json.xz"
STAGES = (2, 3, 3)


class Inverted(nn.Module):
    """Widen, convolve each channel by itself, narrow; with a sum where the shape stays."""

    def __init__(self, channels: int, out: int, stride: int, ratio: int, kernel: int) -> None:
        super().__init__()
        wide = ratio * channels
        self.residual = nn.Sequential(
            convolved(channels, wide, 1),
            convolved(wide, wide, kernel, stride, groups=wide),
            nn.Conv2d(wide, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.adds = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.residual(x)
        return x + y if self.adds else y


def convolved(
    channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Return convolution, norm and activation."""
    padding = kernel // 2
    conv = nn.Conv2d(channels, out, kernel, stride, padding, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU(inplace=True))


def kept(channels: int, out: int, stride: int) -> nn.Module:
    """Return the layer that does nothing, or changes the shape and no more."""
    if stride == 1 and channels == out:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))


def head(channels: int) -> nn.Module:
    """Return the last 1x1 convolution, average and classifier."""
    wide = convolved(channels, 1280, 1)
    return nn.Sequential(wide, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 10))


@Backbone
def macro(layers: Sequence[Factory]) -> Plan:
    """Plan a network of eight layers."""
    plan: Plan = {"stem": partial(convolved, 3, 32, 3)}
    channels, left = 32, iter(layers)
    for stage, depth in enumerate(STAGES, 1):
        for index in range(depth):
            shape = (channels, channels, 1) if index else (channels, 2 * channels, 2)
            plan[f"stage{stage}.{index}"] = partial(next(left), *shape)
            channels = shape[1]
    return {**plan, "head": partial(head, channels)}


KINDS: dict[str, Factory] = {
    "0": kept,
    "1": partial(Inverted, ratio=3, kernel=3),
    "2": partial(Inverted, ratio=6, kernel=5),
}


def published() -> dict[str, dict[str, Any]]:
    """Return the published table by the digits of its networks, empty where it is not at hand."""
    if not TABLE.exists():
        return {}
    table: dict[str, dict[str, Any]] = json.loads(lzma.decompress(TABLE.read_bytes()))
    return table
