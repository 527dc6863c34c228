"""Labels as numbers that a model can tell apart: numbers by their order, the rest by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from spaces.labels import Label

Array = NDArray[np.float64]


class Features:
    """The columns of a space: numbers by their rank from 0 to 1, anything else by one-hot columns.

    A choice that an architecture does not have lies in the middle of its own columns.
    """

    def __init__(self, labels: Mapping[str, tuple[Label, ...]]) -> None:
        open_choices = [(name, offered) for name, offered in labels.items() if len(offered) > 1]
        self._columns = [(name, coded(offered)) for name, offered in open_choices]
        self._absent = [np.mean(list(codes.values()), axis=0) for _, codes in self._columns]
        widths = [len(absent) for absent in self._absent]
        self.groups = np.repeat(np.arange(len(widths) + 1), [*widths, 1])
        """Which columns belong to one choice; a last one is the price's."""

    def __call__(self, choices: Mapping[str, Label]) -> Array:
        """Return the columns of an architecture but for the price."""
        blocks = [
            codes[choices[name]] if name in choices else absent
            for (name, codes), absent in zip(self._columns, self._absent, strict=True)
        ]
        return np.concatenate(blocks) if blocks else np.zeros(0)


def coded(labels: Iterable[Label]) -> dict[Label, Array]:
    """Return a vector for each label."""
    offered = list(labels)
    numbers = [label for label in offered if type(label) is int or type(label) is float]
    if len(numbers) < len(offered):
        return dict(zip(offered, np.eye(len(offered)) / np.sqrt(2), strict=True))
    ranked = sorted(numbers)
    return {label: np.array([place / (len(ranked) - 1)]) for place, label in enumerate(ranked)}
