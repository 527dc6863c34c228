"""Networks that are one although their labels are two: found by what they are and what they do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from search.entry import REFUSALS, Entry
from spaces import Architecture
from spaces.labels import Label
from trials import probe
from trials.identity import fingerprint

COSTS = ("params", "macs", "activations")


class Twins:
    """Remembers what it has looked at; only what costs the same is looked at."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = shape
        self._prints: dict[str, str] = {}

    def alike(self, draft: Entry, entries: Iterable[Entry]) -> list[Entry]:
        """Return the trainings that could be the same one: equal costs under an equal recipe."""
        recipe = of_recipe(draft.kept["choices"])
        return [
            entry
            for entry in entries
            if "replay" not in entry.kept
            and entry.status not in REFUSALS
            and all(entry.kept[cost] == draft.kept[cost] for cost in COSTS)
            and of_recipe(entry.kept["choices"]) == recipe
        ]

    def is_one(self, one: Architecture, other: Architecture) -> bool:
        """Tell whether two architectures build the same network."""
        return self._print(one) == self._print(other)

    def _print(self, architecture: Architecture) -> str:
        key = architecture.key
        if key not in self._prints:
            try:
                self._prints[key] = fingerprint(architecture.build, self.shape)
            except probe.REFUSALS:
                # the trial will say what is wrong with it
                self._prints[key] = key
        return self._prints[key]


def of_recipe(choices: Mapping[str, Label]) -> dict[str, Label]:
    """Return the choices that are the recipe's; they make two trainings of one network."""
    return {name: label for name, label in choices.items() if name.startswith("recipe.")}
