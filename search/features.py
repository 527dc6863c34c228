"""Labels as numbers that a model can tell apart: numbers by their order, the rest by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spaces.labels import Label

Array = NDArray[np.float64]


class Features:
    """The columns of a space: numbers by their rank from 0 to 1, anything else by one-hot columns.

    A choice that an architecture does not have lies in the middle of its own columns.
    """

    def __init__(self, labels: Mapping[str, tuple[Label, ...]]) -> None:
        self._columns: list[tuple[str, Mapping[Label, Array], Array]] = []
        groups: list[int] = []
        for name, offered in labels.items():
            if len(offered) > 1:
                codes = coded(offered)
                held = np.stack(list(codes.values()))
                groups += [len(self._columns)] * held.shape[1]
                self._columns.append((name, codes, held.mean(0)))
        self.groups = np.array([*groups, len(self._columns)], dtype=np.intp)
        """Which columns belong to one choice; the last column is the price."""

    def __call__(self, choices: Sequence[Mapping[str, Label]], places: Array) -> Array:
        """Return one row for each architecture."""
        blocks = [
            np.stack([codes[held[name]] if name in held else absent for held in choices])
            for name, codes, absent in self._columns
        ]
        return np.hstack([*blocks, places[:, None]])


def coded(labels: Iterable[Label]) -> dict[Label, Array]:
    """Return a vector for each label."""
    offered = list(labels)
    if all(type(label) in (int, float) for label in offered):
        ranked = sorted(offered, key=lambda label: float(label or 0))
        return {label: np.array([place / (len(ranked) - 1)]) for place, label in enumerate(ranked)}
    return dict(zip(offered, np.eye(len(offered)) / np.sqrt(2), strict=True))
