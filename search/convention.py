"""How papers count and print: the tool, its units, the rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from torch import nn

from trials.published import ptflops06, thop0031, thop_parameters


@dataclass(frozen=True)
class Figure:
    """A printed figure, ours to the same digits, and the integer behind ours.

    `published` is empty where none is printed, `ours` where nothing could be counted.
    """

    published: str
    ours: str = ""
    exact: int | None = None

    @property
    def is_met(self) -> bool:
        """Tell whether ours has the digits that are printed, if any are."""
        return self.published in ("", self.ours)

    @property
    def difference(self) -> str:
        """How far ours is above the published, in the printed digits; empty without either."""
        if not self.published or not self.ours:
            return ""
        return f"{plain(self.ours) - plain(self.published):+,f}"


@dataclass(frozen=True)
class Convention:
    """What a paper's tool counts, and the units of its table.

    Where the `decimals` are known that the tool prints, the table was rounded from those: 20.1949
    by way of 20.195 is 20.20.
    """

    told: str
    params: Callable[[nn.Module], int]
    flops: Callable[[nn.Module, Iterable[int]], int]
    million: int
    billion: int
    decimals: int | None = None

    def figures(
        self, network: nn.Module, size: int, params: str, flops: str
    ) -> tuple[Figure, Figure]:
        """Count a network at an image size, and put it beside what is printed."""
        return (
            self._figure(params, self.params(network), self.million),
            self._figure(flops, self.flops(network, (1, 3, size, size)), self.billion),
        )

    def _figure(self, published: str, exact: int, unit: int) -> Figure:
        value = Decimal(exact) / unit
        if self.decimals is not None:
            value = rounded(value, self.decimals)
        like_ours = 3 if unit > 1 else 0
        printed = len(published.partition(".")[2]) if published else like_ours
        return Figure(published, f"{rounded(value, printed):,f}", exact)


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Round halves up, as on paper."""
    return value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def plain(printed: str) -> Decimal:
    """Read a printed figure."""
    return Decimal(printed.replace(",", ""))


def parameters(network: nn.Module) -> int:
    """Count every parameter."""
    return sum(parameter.numel() for parameter in network.parameters())


def layer_parameters(network: nn.Module) -> int:
    """Count what torch's own layers hold, but not what a module of another kind holds itself."""
    return sum(
        parameter.numel()
        for layer in network.modules()
        if type(layer).__module__.startswith("torch.nn.")
        for parameter in layer.parameters(recurse=False)
    )


CONVENTIONS = {
    "ptflops 0.6": Convention(
        "params in 10^6, FLOPs by ptflops 0.6 in 10^9", parameters, ptflops06, 10**6, 10**9
    ),
    "thop 0.0.31": Convention(
        "params in 2^20, FLOPs in 2^30, both by thop 0.0.31, which prints 3 decimals",
        thop_parameters,
        thop0031,
        2**20,
        2**30,
        decimals=3,
    ),
    "layers": Convention(
        "params of torch's layers, exact; FLOPs by ptflops 0.6 in 10^9",
        layer_parameters,
        ptflops06,
        1,
        10**9,
    ),
}
