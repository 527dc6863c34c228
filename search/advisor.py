"""Suggestions of our own sampler for the trials of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search.candidates import Price
from search.entry import REFUSALS, Entry
from search.experiment import COUNTED, Experiment
from search.halving import expected_end
from search.known_cost import KnownCost, Seen
from search.objectives import Counts, Objective, objective, violations
from spaces import Architecture
from trials.count import UncountedError
from trials.profilers import ProfilerError


class Advisor:
    """Reads trials as the sampler wants to see them, and remembers nothing of them.

    It is for the experiments that `is_for` names.
    """

    def __init__(self, experiment: Experiment, seed: int) -> None:
        goals = [objective(text) for text in experiment.objectives]
        self._goals = goals
        self._score = next(place for place, goal in enumerate(goals) if not is_counted(goal))
        self._prices = [goal.metric for goal in goals if is_counted(goal)]
        self._sampler = KnownCost(experiment.space, self._price(experiment), seed)

    def suggest(self, entries: Sequence[Entry]) -> Architecture | None:
        """Return an architecture that is not among the trials; None where there is none left."""
        groups: dict[str, list[Entry]] = {}
        for entry in entries:
            if not entry.kept["name"]:
                groups.setdefault(entry.kept["key"], []).append(entry)
        scores = self._scores([entry for group in groups.values() for entry in group])
        kept = {entry.number: entry.kept for entry in entries}
        seen, barred = [], set()
        for key, (first, *others) in groups.items():
            counted = kept[first.kept.get("replay", first.number)]
            ended = [one.number for one in (first, *others) if one.is_over]
            told = tuple(scores[number] for number in ended if number in scores)
            if first.status in REFUSALS or (ended and not told):
                barred.add(key)
            else:
                seen.append(Seen(key, first.kept["choices"], self._priced(counted), told))
        return self._sampler.suggest(seen, barred)

    def _scores(self, entries: Sequence[Entry]) -> dict[int, float]:
        """Return the score of each training that is over, more being better, by its number.

        What was stopped counts for what it was expected to end with, what failed for the worst.
        """
        curves = {entry.number: self._curve(entry) for entry in entries if entry.is_over}
        known = {
            entry.number: self._turned(entry.values[self._score])
            for entry in entries
            if entry.values
        }
        whole = [curve for number, curve in curves.items() if number in known and curve]
        for entry in entries:
            if entry.status == "stopped" and curves[entry.number]:
                known[entry.number] = expected_end(curves[entry.number], whole)
        if known:
            worst = min(known.values())
            lost = [entry for entry in entries if entry.state == "fail"]
            known |= {entry.number: worst for entry in lost}
        return known

    def _curve(self, entry: Entry) -> list[float]:
        return [self._turned(score) for _, score in sorted(entry.scores.items())]

    def _turned(self, score: float) -> float:
        return score if self._goals[self._score].direction == "maximize" else -score

    def _price(self, experiment: Experiment) -> Price:
        counts = Counts(experiment)

        def price(architecture: Architecture) -> tuple[float, ...] | None:
            try:
                counted = counts(architecture)
            except (ValueError, UncountedError, ProfilerError):
                return None
            broken = violations(experiment.limits, counted)
            return None if any(past > 0 for past in broken.values()) else self._priced(counted)

        return price

    def _priced(self, counted: Mapping[str, float]) -> tuple[float, ...]:
        """Return the prices; where there is none, everything costs the same."""
        return tuple(float(counted[metric]) for metric in self._prices) or (0.0,)


def is_for(experiment: Experiment) -> bool:
    """Tell whether there is one score, and everything else is counted before a training."""
    goals = [objective(text) for text in experiment.objectives]
    return sum(not is_counted(goal) for goal in goals) == 1


def is_counted(goal: Objective) -> bool:
    """Tell whether an objective is a price that is known before a training."""
    return goal.metric in COUNTED and goal.direction == "minimize"
