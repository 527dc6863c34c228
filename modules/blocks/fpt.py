"""Feature Pyramid Transformer (FPT), Zhang et al. 2020, https://arxiv.org/abs/2007.09451.

Its third interaction, of a map with itself, is `NonLocal(channels, kind="dot", pool=1)`.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modules.attention.non_local import NonLocal


class Grounding(nn.Module):
    """Give each pixel of a shallow map the mean of a deep map's pixels that fit it (top-down)."""

    site = "fuse"

    def __init__(self, channels: int, reduction: int = 2) -> None:
        super().__init__()
        self.attend = NonLocal(channels, reduction, kind="dot", pool=1)

    def forward(self, shallow: Tensor, deep: Tensor) -> Tensor:
        return self.attend.context(shallow, deep)


class Rendering(nn.Module):
    """Gate a deep map's channels by the average of a shallow map (bottom-up), and add the deep one.

    `concatenate` joins the two by a 1x1 instead, which the released code counts and does not use.
    `enlarge` doubles the size of the result; there the released code fails.
    """

    site = "fuse"

    def __init__(self, channels: int, concatenate: bool = False, enlarge: bool = False) -> None:
        super().__init__()
        self.deep = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.gate_norm = nn.BatchNorm2d(channels)
        self.gate = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.shortcut = (
            nn.ConvTranspose2d(channels, channels, 4, 2, padding=1, bias=False)
            if enlarge
            else nn.Conv2d(channels, channels, 1, bias=False)
        )
        self.shortcut_norm = nn.BatchNorm2d(channels)
        self.join = nn.Conv2d(2 * channels, channels, 1, bias=False) if concatenate else None
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.relu = nn.ReLU()

    def forward(self, deep: Tensor, shallow: Tensor) -> Tensor:
        weights: Tensor = self.relu(self.gate_norm(self.gate(self.pool(shallow))))
        gated = self.norm(self.deep(deep)) * weights
        shortcut: Tensor = self.shortcut_norm(self.shortcut(deep))
        if gated.shape != shortcut.shape:
            gated = F.interpolate(gated, shortcut.shape[2:])
        joined: Tensor = shortcut + gated
        if self.join is not None:
            joined = self.join(torch.cat([shortcut, gated], dim=1))
        # a clamp, for the network may activate in place, which the gradient of a ReLU cannot bear
        return joined.clamp(min=0)


class FPT(nn.Module):
    """Let the maps of a pyramid, finest first, look at themselves and at all others.

    `widths` are their channels; each map comes back with `channels` and its own size. `render` is
    what a deep map does with a shallow one.
    """

    def __init__(
        self,
        channels: int = 256,
        widths: Sequence[int] = (256, 512, 1024, 2048),
        norm: bool = False,
        render: Callable[[int], nn.Module] = Rendering,
    ) -> None:
        super().__init__()
        levels = range(len(widths))
        self.enter = nn.ModuleList(level_projection(width, channels, 1, norm) for width in widths)
        self.look = nn.ModuleList(
            nn.ModuleList(looking(channels, here, there, render) for there in levels)
            for here in levels
        )
        joined = (len(widths) + 1) * channels
        self.leave = nn.ModuleList(level_projection(joined, channels, 3, norm) for _ in widths)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        pyramid = [enter(x) for enter, x in zip(self.enter, maps, strict=True)]
        results = []
        for x, interactions, leave in zip(pyramid, self.look, self.leave, strict=True):
            assert isinstance(interactions, nn.ModuleList)
            seen = [look(x, other) for look, other in zip(interactions, pyramid, strict=True)]
            results.append(leave(torch.cat([*seen, x], dim=1)))
        return results


class Itself(nn.Module):
    """A map's attention to itself, called with two maps as the others are."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attend = NonLocal(channels, kind="dot", pool=1)

    def forward(self, x: Tensor, _: Tensor) -> Tensor:
        y: Tensor = self.attend(x)
        return y


def looking(channels: int, here: int, there: int, render: Callable[[int], nn.Module]) -> nn.Module:
    """Return how the map of one level looks at that of another."""
    if here == there:
        return Itself(channels)
    return Grounding(channels) if here < there else render(channels)


def level_projection(channels: int, out: int, kernel: int, norm: bool) -> nn.Sequential:
    """Return a convolution that keeps the size, with a norm or a bias."""
    conv = nn.Conv2d(channels, out, kernel, padding=kernel // 2, bias=not norm)
    return nn.Sequential(conv, nn.BatchNorm2d(out)) if norm else nn.Sequential(conv)
