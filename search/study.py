"""One study of an experiment: what to train next, what came of it, who is at it."""

from __future__ import annotations

import math
import os
import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from search.entry import REFUSALS, Entry, checked, concluded
from search.experiment import Experiment
from search.ledger import Ledger
from search.objectives import cost_of
from search.proposal import Proposal
from search.proposer import Proposer
from search.record import Record, title_of
from search.rows import Mean, Row, flat, front, means, plain, ranked, row, score_among
from search.sampler import Sampler
from search.stamps import stamps
from search.storage import database, existing
from search.weighing import weighed
from spaces import Architecture, SpaceError
from trials.epoch import Epoch
from trials.trial import Result

NOTHING: Mapping[str, float] = MappingProxyType({})


class Study:
    """Whoever opens it is a driver: it asks, trains and tells. There may be several at once."""

    def __init__(self, ledger: Ledger, proposer: Proposer) -> None:
        self.experiment = proposer.experiment
        self._ledger = ledger
        self._proposer = proposer
        # whoever drives takes one; to look at a study none is needed
        self._lease = ""
        self._replays: list[Entry] = []

    @classmethod
    def open(
        cls,
        experiment: Experiment,
        storage: str,
        sampler: str = "auto",
        seed: int = 0,
        fork: bool = False,
        name: str = "",
    ) -> Study:
        """Begin a study or go on with it; one that was begun otherwise is refused, or forked.

        `storage` is a path or a URL. A fork begins with the trials that hold for it too.
        """
        proposer = Proposer(experiment, Sampler(sampler, seed, experiment))
        ledger = Ledger(database(storage), proposer.sampler.distributions, stamps(experiment))
        study = cls(ledger, proposer)
        title = name or title_of(experiment)
        try:
            study._lease = ledger.alone(ledger.database.lease)
            ledger.alone(lambda: study._join(title, fork))
        except BaseException:
            study.close()
            raise
        return study

    @classmethod
    def read(cls, experiment: Experiment, storage: str, name: str = "") -> Study:
        """Open a study to look at it, whatever has changed since it was begun."""
        proposer = Proposer(experiment, Sampler("random", 0, experiment))
        ledger = Ledger(existing(storage), proposer.sampler.distributions)
        study = cls(ledger, proposer)
        title = name or title_of(experiment)
        found = ledger.records(title)
        if not found:
            study.close()
            raise SpaceError(f"{ledger.database.shown} holds no study {title!r}")
        ledger.enter(next(iter(found)))
        return study

    @property
    def name(self) -> str:
        """What the study is called in its database."""
        return self._ledger.name

    def ask(self, budget: int | None = None) -> Proposal | None:
        """Return the next training; None where none is left within so many architectures."""
        return self._ledger.alone(lambda: self._asked(budget))

    def pick(
        self, architecture: Architecture, name: str = "", seed: int | None = None
    ) -> Proposal | None:
        """Return the next training of an architecture, or that of a seed.

        None where it is refused or has them all. What is not in the space goes by a name.
        """
        return self._ledger.alone(lambda: self._picked(architecture, name, seed))

    def start(self, number: int) -> None:
        """Note which process trains a trial, and since when."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        self._ledger.keep(number, "lease", {**self._driver(), "since": since})

    def report(self, number: int, epoch: Epoch) -> None:
        """Note the score after an epoch."""
        if math.isfinite(epoch.score):
            self._ledger.score(number, epoch.number, float(epoch.score))

    def tell(self, number: int, result: Result, measured: Mapping[str, float] = NOTHING) -> None:
        """Note what became of a training, with the figures that were measured on a device.

        One that was interrupted waits to be gone on with. What has been told once stays.
        """
        if result.status == "interrupted":
            self._ledger.turn(number, "waiting")
            return
        entry = self._ledger.entry(number)
        told = {**entry.kept, "result": plain(result, measured)}
        self._conclude(entry, {**told, "result": checked(told, self._proposer.goals)})
        if self._replays:
            self._look()

    def interrupted(self) -> list[Proposal]:
        """Take over the trainings that no living driver goes on with."""
        return self._ledger.alone(self._taken)

    def rows(self) -> list[Row]:
        """Return every training, in the order in which they were proposed."""
        return [
            row(entry.number, entry.status, entry.kept, entry.scores)
            for entry in self._ledger.entries()
            if entry.status not in ("duplicate", *REFUSALS)
        ]

    def counts(self) -> Counter[str]:
        """Count all trials by what became of them, duplicates and refusals among them."""
        return Counter(entry.status for entry in self._ledger.entries())

    def means(self) -> list[Mean]:
        """Return each architecture and baseline over its seeds, as far as they are complete."""
        found = means(self.rows())
        # a baseline may have left the space file, and its row is still there
        return [replace(one, build=partial(self._built, one)) for one in found]

    def front(self) -> list[Mean]:
        """Return the architectures of the space that no other beats, the cheapest first."""
        return front(self._candidates(), self._proposer.goals)

    def best(self) -> Mean | None:
        """Return the architecture of the space with the best score, of equal ones the cheapest."""
        return next(iter(ranked(self._candidates(), self._proposer.goals)), None)

    def best_seed(self, mean: Mean) -> int:
        """Return the number of the training of its best seed."""
        better = min if score_among(self._proposer.goals).direction == "minimize" else max
        return better(zip(mean.scores, mean.numbers, strict=True))[1]

    def architecture(self, mean: Mean) -> Architecture:
        """Rebuild what a row is about."""
        return self._proposer.architecture({"name": mean.name, "choices": mean.choices})

    def close(self) -> None:
        """Give up what is still running, for another driver to go on with."""
        self._ledger.close()

    @property
    def trials(self) -> list[dict[str, Any]]:
        """Every training as a flat row, for a DataFrame."""
        return list(map(flat, self.rows()))

    def figure(self, name: str) -> Any:
        """Return a figure of plotly: front, heat, effects, importance, curves, progress, places."""
        from search.report import figure

        return figure(self, name)

    def draw(self, figures: Mapping[str, Any]) -> None:
        """Keep figures of plotly with the study, for Optuna's dashboard."""
        self._ledger.draw(figures)

    def _built(self, mean: Mean) -> Any:
        return self.architecture(mean).build()

    def _candidates(self) -> list[Mean]:
        limits = self.experiment.limits
        held = [mean for mean in self.means() if not mean.name and mean.keeps(limits)]
        return weighed(held, self._proposer.goals)

    def _asked(self, budget: int | None) -> Proposal | None:
        while draft := self._proposer.draft(self._look(), budget):
            if proposal := self._stored(draft):
                return proposal
        return None

    def _picked(self, architecture: Architecture, name: str, seed: int | None) -> Proposal | None:
        seeds = None if seed is None else (seed,)
        draft = self._proposer.picked(architecture, name, self._look(), seeds)
        return self._stored(draft) if draft else None

    def _taken(self) -> list[Proposal]:
        left = [entry for entry in self._look() if self._is_left(entry)]
        for entry in left:
            if "result" in entry.kept:
                self._conclude(entry, entry.kept)
            else:
                self._ledger.turn(entry.number, "running")
                self._ledger.keep(entry.number, "lease", self._driver())
        untold = [entry for entry in left if "result" not in entry.kept]
        return [self._proposal(entry.number, entry.kept) for entry in untold]

    def _is_left(self, entry: Entry) -> bool:
        if entry.is_over or "replay" in entry.kept or not self._proposer.is_asked_for(entry):
            return False
        lease = str(entry.kept["lease"]["id"])
        is_driven = lease == self._lease or self._ledger.database.is_held(lease)
        return entry.state == "waiting" or not is_driven

    def _stored(self, draft: Entry) -> Proposal | None:
        """Store a draft; it is a proposal if there is something to train."""
        number = self._ledger.store(draft, self._driver())
        done = draft.is_over or "replay" in draft.kept
        return None if done else self._proposal(number, draft.kept)

    def _proposal(self, number: int, kept: Mapping[str, Any]) -> Proposal:
        architecture = self._proposer.architecture(kept)
        cost = cost_of(kept)
        return Proposal(number, architecture, kept["name"], kept["seed"], cost, kept["folder"])

    def _driver(self) -> dict[str, object]:
        return {"id": self._lease, "host": socket.gethostname(), "process": os.getpid()}

    def _conclude(self, entry: Entry, kept: Mapping[str, Any]) -> None:
        goals, limits = self._proposer.goals, self.experiment.limits
        state, values, broken = concluded(kept, goals, limits)
        after = replace(entry, state=state, kept=kept, values=values, violations=broken)
        self._ledger.end(entry, after)

    def _look(self) -> list[Entry]:
        """Read all trials, and end those that repeat one that has ended."""
        entries = self._ledger.entries()
        self._replays = [entry for entry in entries if "replay" in entry.kept and not entry.is_over]
        if self._replays:
            over = {entry.number: entry for entry in entries if entry.is_over}
            for entry in self._replays:
                if original := over.get(entry.kept["replay"]):
                    state, values = original.state, original.values
                    after = replace(entry, state=state, values=values)
                    self._ledger.end(entry, replace(after, violations=original.violations))
            entries = self._ledger.entries()
        return entries

    def _join(self, title: str, fork: bool) -> None:
        """Turn to the study of this title that goes on as it is, or begin one if that is right."""
        written = self._proposer.record
        found = self._ledger.records(title)
        differences = {}
        for name, old in found.items():
            differences[name] = self._difference(name, old)
            if not differences[name] and written.continues(old):
                self._ledger.enter(name)
                self._ledger.seal(written.remembering(old))
                return
        carried: list[Entry] = []
        if found:
            newest = next(iter(found))
            base = next((name for name in found if not differences[name]), newest)
            if differences[base] and not fork:
                raise SpaceError(
                    f"{self._ledger.database.shown}: the study {base!r} was begun otherwise: "
                    f"{differences[base]}; go back, or keep both with --fork"
                )
            self._ledger.enter(base)
            carried = self._ledger.entries()
            if differences[base]:
                carried = list(self._proposer.carried(carried, found[base]))
            else:
                written = written.remembering(found[base])
        self._ledger.create(title, self._proposer.goals)
        for entry in carried:
            state = entry.state if entry.is_over else "waiting"
            self._ledger.store(replace(entry, state=state), self._driver())
        self._ledger.seal(written)

    def _difference(self, name: str, old: Record) -> str:
        """Say what of a study is otherwise now; nothing if it goes on, or choices have grown."""
        written = self._proposer.record
        if not written.continues(old) and not written.extends(old):
            return written.difference(old)
        self._ledger.enter(name)
        files = sorted(self._proposer.changed_files(self._ledger.entries()))
        return f"{' and '.join(files)} changed" if files else ""
