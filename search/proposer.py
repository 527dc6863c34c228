"""What is tried next: baselines, further seeds, then the grid or what a sampler suggests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from random import Random
from types import MappingProxyType
from typing import Any

from search.advisor import Advisor, is_for
from search.code import Code
from search.entry import REFUSALS, Entry, checked, concluded
from search.experiment import Experiment, resolved
from search.objectives import Counts, objective, violations
from search.record import Record, has_grown, record
from search.sampler import Sampler
from search.twins import Twins
from spaces import Architecture, SpaceError
from spaces.moves import mutate
from trials.count import UncountedError
from trials.probe import ShapeError
from trials.profilers import ProfilerError

NOTHING: Mapping[str, Any] = MappingProxyType({})

HOPELESS = 1000
"""How many proposals in a row may be refused before a search ends."""
STEPS = 100
"""How far to walk for an architecture that is new before the space is gone through in order."""


class Proposer:
    """Drafts trials from those that there are, and remembers nothing that is not in them."""

    def __init__(self, experiment: Experiment, sampler: Sampler) -> None:
        self.experiment = experiment
        self.sampler = sampler
        self.goals = tuple(objective(text) for text in experiment.objectives)
        self.record = record(experiment)
        self._decided = asdict(self.record)
        recipe = resolved(experiment.space.recipe)
        self.seeds = recipe.seeds if recipe else (0,)
        self._counts = Counts(experiment)
        self._code = Code()
        self._twins = Twins(experiment.shape)
        self._size = experiment.space.size
        self._grid = iter(experiment.space)
        self._ahead: Architecture | None = None
        is_ours = sampler.name == "auto" and is_for(experiment)
        self._advisor = Advisor(experiment, sampler.seed) if is_ours else None

    def draft(self, entries: Sequence[Entry], budget: int | None) -> Entry | None:
        """Return the next trial; None where there is none within so many architectures."""
        groups: dict[str, list[Entry]] = {name: [] for name in self.experiment.baselines}
        for entry in entries:
            if entry.status not in ("duplicate", *REFUSALS) and self.is_asked_for(entry):
                groups.setdefault(entry.identity, []).append(entry)
        for identity, group in groups.items():
            if (seed := self._missing(group)) is not None:
                return self._further(identity, group, seed)
        if budget is not None and len(groups) - len(self.experiment.baselines) >= budget:
            return None
        first: dict[str, Entry] = {}
        for entry in entries:
            if not entry.kept["name"]:
                first.setdefault(entry.kept["key"], entry)
        if len(first) >= self._size or self._is_hopeless(entries, budget):
            return None
        return self._another(first, entries, budget)

    def picked(
        self,
        architecture: Architecture,
        name: str,
        entries: Sequence[Entry],
        seeds: Sequence[int] | None = None,
    ) -> Entry | None:
        """Return the next seed of an architecture that the user picks; None where all are there."""
        identity = name or architecture.key
        group = [
            entry for entry in entries if entry.identity == identity and entry.status != "duplicate"
        ]
        seed = self._missing(group, seeds)
        return None if seed is None else self._training(architecture, name, seed)

    def architecture(self, kept: Mapping[str, Any]) -> Architecture:
        """Rebuild what a trial was about; a SpaceError says that it is not in here."""
        if not kept["name"]:
            return self.experiment.space.at(kept["choices"])
        if kept["name"] not in self.experiment.baselines:
            raise SpaceError(f"there is no baseline {kept['name']!r}")
        return next(iter(self.experiment.baselines[kept["name"]]))

    def is_asked_for(self, entry: Entry) -> bool:
        """Tell whether a trial is of the space, or of a baseline that is still one."""
        return not entry.kept["name"] or entry.kept["name"] in self.experiment.baselines

    def changed_files(self, entries: Iterable[Entry]) -> set[str]:
        """Return the files whose code is not what the trials were trained with."""
        changed: set[str] = set()
        seen: set[str] = set()
        for entry in entries:
            if "code" in entry.kept and entry.identity not in seen and self.is_asked_for(entry):
                seen.add(entry.identity)
                before, now = entry.kept["code"], self._files(self.architecture(entry.kept))
                changed |= {
                    file for file in before.keys() | now.keys() if before.get(file) != now.get(file)
                }
        return changed

    def carried(self, entries: Iterable[Entry], old: Record) -> Iterator[Entry]:
        """Yield the trials of another study that would be trained in just that way in this."""
        if self.record.training != old.training and not has_grown(
            old.training, self.record.training
        ):
            return
        for entry in entries:
            name = entry.kept["name"]
            if name and old.baselines.get(name) != self.record.baselines.get(name):
                continue
            if entry.status not in ("duplicate", *REFUSALS) and (same := self._carried(entry)):
                yield same

    def _carried(self, entry: Entry) -> Entry | None:
        try:
            architecture = self.architecture(entry.kept)
            kept = {**entry.kept, **self._counts(architecture)}
            if entry.kept["code"] != self._files(architecture):
                return None
            if "result" not in kept:
                return replace(entry, kept=kept)
            kept["result"] = checked(kept, self.goals)
        except (SpaceError, ValueError):
            return None
        if kept["result"]["status"] != entry.status:
            return None
        state, values, broken = concluded(kept, self.goals, self.experiment.limits)
        return replace(entry, state=state, kept=kept, values=values, violations=broken)

    def _is_hopeless(self, entries: Sequence[Entry], budget: int | None) -> bool:
        """Tell whether a sampler finds nothing that may be trained; a grid comes to its end."""
        last = entries[-HOPELESS:]
        if len(last) < HOPELESS or self._is_grid(budget):
            return False
        return all(entry.status in ("duplicate", *REFUSALS) for entry in last)

    def _is_grid(self, budget: int | None) -> bool:
        return budget is not None and budget >= self._size

    def _another(
        self, first: Mapping[str, Entry], entries: Sequence[Entry], budget: int | None
    ) -> Entry:
        architecture, system = self._candidate(first, entries, budget)
        if earlier := first.get(architecture.key):
            return repeated(earlier.kept, system, self._original(earlier, entries))
        draft = self._training(architecture, "", self.seeds[0], system)
        alike = [] if draft.is_over else self._twins.alike(draft, first.values())
        for entry in alike:
            if self._twins.is_one(architecture, self.architecture(entry.kept)):
                return repeated(draft.kept, system, entry)
        return draft

    def _candidate(
        self, first: Mapping[str, Entry], entries: Sequence[Entry], budget: int | None
    ) -> tuple[Architecture, Mapping[str, Any]]:
        if self._is_grid(budget):
            return self._untried(first), {}
        if self._advisor:
            return self._advisor.suggest(entries) or self._untried(first), {}
        if entries and entries[-1].status == "duplicate":
            return self._beside(self.architecture(entries[-1].kept), first, len(entries)), {}
        architecture, system = self.sampler.suggest(entries)
        if self.sampler.is_blind and architecture.key in first:
            return self._beside(architecture, first, len(entries)), system
        return architecture, system

    def _beside(
        self, architecture: Architecture, first: Mapping[str, Entry], seed: int
    ) -> Architecture:
        """Walk from an architecture that a sampler wants again to one that is not there yet."""
        random = Random(f"{self.sampler.seed} beside {seed}")
        for _ in range(STEPS):
            architecture = mutate(self.experiment.space, architecture, random)
            if architecture.key not in first:
                return architecture
        return self._untried(first)

    def _untried(self, first: Mapping[str, Entry]) -> Architecture:
        """Return the first architecture of the space that is not there yet."""
        while self._ahead is None or self._ahead.key in first:
            self._ahead = next(self._grid)
        return self._ahead

    def _original(self, entry: Entry, entries: Sequence[Entry]) -> Entry:
        number = entry.kept.get("replay", entry.number)
        return next(other for other in entries if other.number == number)

    def _further(self, identity: str, group: Sequence[Entry], seed: int) -> Entry:
        if identity in self.experiment.baselines:
            architecture = next(iter(self.experiment.baselines[identity]))
            return self._training(architecture, identity, seed)
        return self._training(self.architecture(group[0].kept), "", seed)

    def _training(
        self, architecture: Architecture, name: str, seed: int, system: Mapping[str, Any] = NOTHING
    ) -> Entry:
        """Draft a training, or its refusal; a baseline is trained whatever the limits say."""
        choices = dict(architecture.choices)
        kept = {"name": name, "seed": seed, "key": architecture.key, "choices": choices}
        try:
            counted = self._counts(architecture)
        except (ShapeError, UncountedError) as error:
            raise SpaceError(str(error)) from None
        except (ValueError, ProfilerError) as error:
            if name:
                raise SpaceError(f"baseline {name!r}: {error}") from None
            return refused(kept, "refused", str(error), {"refused": 1.0}, system)
        kept |= counted
        broken = violations(self.experiment.limits, counted)
        over = [limit for limit in self.experiment.limits if broken.get(str(limit), 0.0) > 0]
        if over and not name:
            figures = [
                f"{limit.metric} = {counted[limit.metric]:,} is past {limit}" for limit in over
            ]
            return refused(kept, "over a limit", "; ".join(figures), broken, system)
        kept["code"] = self._files(architecture)
        decided = json.dumps([self._decided, kept], sort_keys=True)
        kept["folder"] = hashlib.sha256(decided.encode()).hexdigest()[:12]
        return Entry("running", kept, violations=broken, system=system)

    def _files(self, architecture: Architecture) -> dict[str, str]:
        return self._code(architecture.network, architecture.recipe)[1]

    def _missing(self, group: Iterable[Entry], seeds: Sequence[int] | None = None) -> int | None:
        """Return the next seed, unless one before it has shown that there is no point."""
        if any(entry.is_over and entry.status != "complete" for entry in group):
            return None
        done = {entry.kept["seed"] for entry in group}
        return next((seed for seed in seeds or self.seeds if seed not in done), None)


def refused(
    kept: Mapping[str, Any],
    status: str,
    reason: str,
    broken: Mapping[str, float],
    system: Mapping[str, Any],
) -> Entry:
    """Draft a trial that is over before anything is trained."""
    result = {"status": status, "reason": reason}
    return Entry("pruned", {**kept, "result": result}, violations=broken, system=system)


def repeated(kept: Mapping[str, Any], system: Mapping[str, Any], original: Entry) -> Entry:
    """Draft a trial that takes over what becomes of another: samplers need to be told something."""
    replay = {name: kept[name] for name in ("name", "seed", "key", "choices")}
    state = original.state if original.is_over else "running"
    return Entry(
        state,
        {**replay, "replay": original.number},
        original.values,
        original.violations,
        system,
    )
