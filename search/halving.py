"""Stopping that respects the front: only what costs no more may show that a training is in vain."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import StatisticsError, linear_regression, median

from search.survey import RESOLUTION

Rung = dict[int, tuple[float, tuple[float, ...]]]
"""Scores and prices by the numbers of trainings."""

RIVALS = 1
"""How many others must have done better before a training ends."""
ETA = 2
"""Rungs are such a factor of epochs apart."""
SURELY = 2.0
"""By how many deviations others must be better: of the end, as a rung foretells it. Half of one and
three others end as many trainings, and more of the best: these have many rivals that come close."""
ENOUGH = 6
"""How many trainings must have ended before it is known how well a rung foretells the end."""
ASHA_ETA = 3
"""One in so many goes on from a rung of ASHA."""


class Halving:
    """Asynchronous rungs over epochs: trainings compete there with what costs no more.

    The driver of a run makes one and hands over each epoch of each training as it comes in,
    whatever order that is; a reason ends the training, an empty string lets it go on. In `score`
    more is better; `prices` are figures that are known before, such as (macs,).

        halving = Halving(recipe.epochs)
        halving.put(number, epoch, score, prices)              # what a run that goes on has had
        reason = halving.stops(number, epoch, score, prices)   # what comes in now

    At a rung a training ends if at least `rivals` of those that cost no more, as far as prices can
    be told apart, were better there: by more than what the rung leaves open, which is read off the
    trainings that have come to their end. So small networks compete with small ones alone, and a
    rung that says nothing stops nothing. What is needed to the end whatever it is, baselines and
    further seeds, is handed over by `put`.
    """

    def __init__(self, epochs: int, rivals: int = RIVALS, surely: float = SURELY) -> None:
        self.epochs, self.rivals, self.surely = epochs, rivals, surely
        self.at = rungs(epochs)
        self._rungs: dict[int, Rung] = {epoch: {} for epoch in (*self.at, epochs)}

    def put(self, number: int, epoch: int, score: float, prices: Sequence[float]) -> None:
        """Note how a training stands after an epoch."""
        if epoch in self._rungs:
            self._rungs[epoch][number] = score, tuple(prices)

    def stops(self, number: int, epoch: int, score: float, prices: Sequence[float]) -> str:
        """Note how a training stands, and say why it ends; nothing if it goes on."""
        self.put(number, epoch, score, prices)
        if epoch not in self.at:
            return ""
        bound = score + self.surely * self.left_open(epoch)
        others = [held for other, held in self._rungs[epoch].items() if other != number]
        rivals = [held for held, price in others if is_no_dearer(price, prices)]
        better = sum(held > bound for held in rivals)
        if better < self.rivals:
            return ""
        were = "was" if better == 1 else "were"
        return f"{better} of {len(rivals)} that cost no more {were} clearly better at epoch {epoch}"

    def left_open(self, epoch: int) -> float:
        """Return the deviation of the end, in scores of an epoch; infinite until it is known."""
        ends = self._rungs[self.epochs]
        pairs = [(held, ends[n][0]) for n, (held, _) in self._rungs[epoch].items() if n in ends]
        if len(pairs) < ENOUGH:
            return math.inf
        try:
            slope, start = linear_regression(*zip(*pairs, strict=True))
        except StatisticsError:
            return math.inf
        if slope <= 0:
            return math.inf
        squares = sum((end - start - slope * held) ** 2 for held, end in pairs)
        return math.sqrt(squares / (len(pairs) - 2)) / slope


class Asha:
    """ASHA, Li et al. 2020, https://arxiv.org/abs/1810.05934: by the score alone, to compare with.

    At a rung one in `eta` goes on. It is used as `Halving` is.
    """

    def __init__(self, epochs: int, eta: int = ASHA_ETA) -> None:
        self.eta = eta
        self._rungs: dict[int, dict[int, float]] = {epoch: {} for epoch in rungs(epochs, eta)}

    def put(self, number: int, epoch: int, score: float, prices: Sequence[float]) -> None:
        """Note how a training stands after an epoch."""
        if epoch in self._rungs:
            self._rungs[epoch][number] = score

    def stops(self, number: int, epoch: int, score: float, prices: Sequence[float]) -> str:
        """Note how a training stands, and say why it ends; nothing if it goes on."""
        self.put(number, epoch, score, prices)
        held = self._rungs.get(epoch, {})
        better = sum(other > score for other in held.values())
        if better < max(1, len(held) // self.eta):
            return ""
        return f"{better} of {len(held) - 1} trainings were better at epoch {epoch}"


def rungs(epochs: int, eta: int = ETA) -> tuple[int, ...]:
    """Return the epochs to judge after: from the first on, each `eta` times the one before."""
    return tuple(eta**power for power in range(epochs) if eta**power < epochs)


def is_no_dearer(prices: Sequence[float], others: Sequence[float]) -> bool:
    """Tell whether nothing costs more than the other's, as far as prices can be told apart."""
    pairs = zip(prices, others, strict=True)
    return all(price <= other + RESOLUTION * abs(other) for price, other in pairs)


def expected_end(scores: Sequence[float], others: Iterable[Sequence[float]]) -> float:
    """Return what a training that was stopped would have come to, going by those that were not."""
    gains = [other[-1] - other[len(scores) - 1] for other in others if len(other) > len(scores)]
    return scores[-1] + (median(gains) if gains else 0.0)
