"""Stopping that respects the front: only what costs no more may show that a training is in vain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from statistics import median

from search.survey import RESOLUTION

RIVALS = 3
"""How many others must have done better before a training ends."""
ETA = 3
"""One in so many goes on from a rung, of those that cost no more; rungs are as far apart."""


class Halving:
    """Asynchronous rungs over epochs: trainings compete there with what costs no more.

    The driver of a run makes one and hands over each epoch of each training as it comes in,
    whatever order that is; a reason ends the training, an empty string lets it go on. In `score`
    more is better; `prices` are figures that are known before, such as (macs,).

        halving = Halving(rungs(recipe.epochs))
        halving.put(number, epoch, score, prices)              # what a run that goes on has had
        reason = halving.stops(number, epoch, score, prices)   # what comes in now

    At a rung a training ends if at least `rivals` of those that cost no more, as far as prices can
    be told apart, were better there, and so were all but one in `eta` of them. Small networks
    compete with small ones alone. With `by_price=False` everything competes with everything, which
    is ASHA (Li et al. 2020, https://arxiv.org/abs/1810.05934). What the table or a comparison needs
    to the end, baselines and further seeds, is handed over by `put`.
    """

    def __init__(
        self,
        at: Sequence[int],
        rivals: int = RIVALS,
        eta: int = ETA,
        by_price: bool = True,
    ) -> None:
        self.at = frozenset(at)
        self.rivals, self.eta, self.by_price = rivals, eta, by_price
        self._rungs: dict[int, dict[int, tuple[float, tuple[float, ...]]]] = {}

    def put(self, number: int, epoch: int, score: float, prices: Sequence[float]) -> None:
        """Note how a training stands after an epoch."""
        if epoch in self.at:
            self._rungs.setdefault(epoch, {})[number] = score, tuple(prices)

    def stops(self, number: int, epoch: int, score: float, prices: Sequence[float]) -> str:
        """Note how a training stands, and say why it ends; nothing if it goes on."""
        self.put(number, epoch, score, prices)
        if epoch not in self.at:
            return ""
        others = [held for other, held in self._rungs[epoch].items() if other != number]
        rivals = [one for one, held in others if not self.by_price or is_no_dearer(held, prices)]
        better = sum(one > score for one in rivals)
        if better < max(self.rivals, ceil((len(rivals) + 1) / self.eta)):
            return ""
        which = "that cost no more " if self.by_price else ""
        return f"{better} of {len(rivals)} trainings {which}were better after epoch {epoch}"


def rungs(epochs: int, eta: int = ETA, first: int = 1) -> tuple[int, ...]:
    """Return the epochs to judge after: from the first on, each `eta` times the one before."""
    found = []
    while first < epochs:
        found.append(first)
        first *= eta
    return tuple(found)


def is_no_dearer(prices: Sequence[float], others: Sequence[float]) -> bool:
    """Tell whether nothing costs more than the other's, as far as prices can be told apart."""
    pairs = zip(prices, others, strict=True)
    return all(price <= other + RESOLUTION * abs(other) for price, other in pairs)


def expected_end(scores: Sequence[float], others: Iterable[Sequence[float]]) -> float:
    """Return what a training that was stopped would have come to, going by those that were not."""
    gains = [other[-1] - other[len(scores) - 1] for other in others if len(other) > len(scores)]
    return scores[-1] + (median(gains) if gains else 0.0)
