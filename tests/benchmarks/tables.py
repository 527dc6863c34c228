"""Tables to search in: what every architecture of a space costs and scores, without training."""

from __future__ import annotations

import json
import lzma
import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from search.hypervolume import hypervolume
from spaces import Space, choice
from spaces.labels import Label
from tests.benchmarks.macro import published

HERE = Path(__file__).parent
RECORDED = HERE / "recorded.json.xz"
Choices = Mapping[str, Label]
LARGE = 20_000


@dataclass(frozen=True)
class Table:
    """A space with the price of each architecture and the scores of its trainings."""

    name: str
    space: Space
    price: Callable[[Choices], float]
    scores: Callable[[Choices], tuple[float, ...]]

    def mean(self, choices: Choices) -> float:
        scores = self.scores(choices)
        return sum(scores) / len(scores)

    @cached_property
    def looked_at(self) -> list[tuple[float, float]]:
        """Prices and mean scores of all architectures, of a large space those of many draws."""
        drawer = random.Random(0)
        every = self.space if self.space.size <= LARGE else map(self.space.draw, [drawer] * LARGE)
        return [(self.price(one.choices), self.mean(one.choices)) for one in every]

    @cached_property
    def corner(self) -> tuple[float, float]:
        """The highest price, and the score that one in twenty stays below."""
        scores = sorted(score for _, score in self.looked_at)
        return max(price for price, _ in self.looked_at) * 1.0001, scores[len(scores) // 20]

    def volume(self, points: list[tuple[float, float]]) -> float:
        """Return the hypervolume of prices and scores; in a flat space it is the best score's."""
        price, score = self.corner
        if self.is_flat:
            return max(0.0, max(held for _, held in points) - score)
        return hypervolume([(cost, -held) for cost, held in points], (price, -score))

    @cached_property
    def is_flat(self) -> bool:
        prices = [price for price, _ in self.looked_at]
        return max(prices) <= 1.01 * min(prices)

    @cached_property
    def whole(self) -> float:
        return self.volume(self.looked_at)


def nothing(**_: object) -> None:
    """Stand for a network: tables are never built."""


def option(**_: object) -> None:
    """Stand for a module with choices of its own."""


def macro() -> Table | None:
    """NAS-Bench-Macro, where the table is at hand."""
    table = published()
    if not table:
        return None

    def layers(choices: Choices) -> Mapping[str, object]:
        return table["".join(str(choices[f"layer{place}"]) for place in range(8))]

    return Table(
        "macro",
        Space(shell, **{f"layer{place}": choice("0", "1", "2") for place in range(8)}),
        lambda choices: float(layers(choices)["flops"]),
        lambda choices: tuple(score / 100 for score in layers(choices)["test_acc"]),
    )


def recorded() -> Table | None:
    """The trainings of record_table.py."""
    if not RECORDED.exists():
        return None
    rows = json.loads(lzma.decompress(RECORDED.read_bytes()))["rows"]
    by_choices = {frozenset(row["choices"].items()): row for row in rows}
    offered: dict[str, dict[Label, None]] = {}
    for row in rows:
        for name, label in row["choices"].items():
            offered.setdefault(name, {})[label] = None

    def row_of(choices: Choices) -> Mapping[str, object]:
        return by_choices[frozenset((name, label) for name, label in choices.items())]

    return Table(
        "recorded",
        Space(shell, **{name: choice(*labels) for name, labels in offered.items()}),
        lambda choices: float(row_of(choices)["macs"]),
        lambda choices: tuple(curve[-1] for curve in row_of(choices)["curves"]),
    )


def shell(**_: object) -> None:
    """Stand for a backbone."""


class Effects:
    """Numbers that belong to labels: drawn when they are first asked for, always the same."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._held: dict[tuple[object, ...], float] = {}

    def __call__(self, *about: object) -> float:
        """Return a standard normal number."""
        if about not in self._held:
            self._held[about] = random.Random(f"{self.seed} {about}").gauss(0, 1)
        return self._held[about]


@dataclass(frozen=True)
class Made:
    """How a generated table comes about: how strong pairs are beside single labels, how noisy."""

    pairs: float = 0.0
    triples: float = 0.0
    flat: bool = False
    noise: float = 0.003
    bonus: float = 0.05
    trend: float = 0.08


def generated(name: str, space: Space, seed: int, made: Made) -> Table:
    """Make a table: cost is a sum over labels, accuracy saturates in it and has effects besides."""
    effects = Effects(seed)
    labels = space.labels
    numeric = {
        key: sorted(held)
        for key, held in labels.items()
        if all(type(one) in (int, float) for one in held)
    }

    def price(choices: Choices) -> float:
        total = 1.0
        for key, label in choices.items():
            rank = (
                numeric[key].index(label) + 1
                if key in numeric
                else math.exp(effects("cost", key, label))
            )
            total += (
                rank
                * math.exp(0.5 * effects("share", key))
                * (0.0005 if made.flat else 1.0)
                / len(choices)
            )
        return 1e6 * total

    def smooth(key: str, label: Label) -> float:
        if key not in numeric:
            return effects("effect", key, label)
        x = numeric[key].index(label) / max(len(numeric[key]) - 1, 1)
        return effects("slope", key) * x - abs(effects("bend", key)) * (x - 0.6) ** 2

    def truth(choices: Choices) -> float:
        held = sorted(choices.items(), key=lambda pair: pair[0])
        single = sum(smooth(key, label) for key, label in held)
        pairs = (
            sum(
                effects("pair", one, other) for i, one in enumerate(held) for other in held[i + 1 :]
            )
            / len(held) ** 0.5
        )
        triples = sum(effects("triple", *held[i : i + 3]) for i in range(len(held) - 2))
        besides = (single + made.pairs * pairs + made.triples * triples) / len(held) ** 0.5
        score = (
            0.8
            + made.trend * math.log(price(choices) / 1e6) / 2
            + made.bonus * math.tanh(besides / 2)
        )
        return min(score, 0.995)

    def scores(choices: Choices) -> tuple[float, ...]:
        mean = truth(choices)
        draw = random.Random(f"{seed} noise {sorted(choices.items(), key=lambda pair: pair[0])}")
        return tuple(mean + draw.gauss(0, made.noise) for _ in range(3))

    return Table(name, space, price, scores)


def gate(tie: str | None = None) -> object:
    """Offer modules with choices of their own."""
    return choice(
        None,
        eca=partial(option, kernel=choice(3, 5, 7)),
        se=partial(option, reduction=choice(4, 8, 16, 32)),
        cbam=partial(option, reduction=choice(4, 16), kernel=choice(3, 7)),
        tie=tie,
    )


def generated_tables(seed: int = 0) -> Iterator[Table]:
    """Yield tables of many kinds; another seed gives others of the same kinds."""
    letters = {f"site{place}": choice("a", "b", "c", "d") for place in range(6)}
    yield generated("additive", Space(shell, **letters), seed, Made())
    yield generated("interacting", Space(shell, **letters), seed + 1, Made(pairs=1.5, triples=0.7))
    gates = {f"gate{place}": gate() for place in range(3)}
    yield generated("conditional", Space(shell, **gates), seed + 2, Made(pairs=0.5))
    mixed = {
        "width": choice(16, 24, 32, 48, 64),
        "depth": choice(1, 2, 3, 4),
        "kernel": choice(3, 5, 7),
        "mix": choice("conv", "mspa", "sk"),
        "gate": gate(),
        "act": choice("relu", "silu"),
    }
    yield generated("mixed", Space(shell, **mixed), seed + 3, Made(pairs=0.7))
    flat = {f"gate{place}": choice(None, "eca", "simam", "cbam", "se") for place in range(4)}
    yield generated("flat", Space(shell, **flat), seed + 4, Made(flat=True, pairs=0.5, bonus=0.02))
    large = {f"site{place}": choice("a", "b", "c", "d", "e") for place in range(8)} | {
        f"width{place}": choice(1, 2, 3, 4, 6) for place in range(4)
    }
    yield generated("large", Space(shell, **large), seed + 5, Made(pairs=0.5))
