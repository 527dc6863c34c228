"""The loop of a run: ask the study, have it trained, tell the study, until nothing is left."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from math import inf
from typing import Any, Protocol

from search.job import Died, Event, Finished, Job, Reported, Started
from search.proposal import Proposal
from search.study import Study
from trials.epoch import Epoch
from trials.trial import Result

PATIENCE = 0.5
"""Seconds to wait for an event before looking whether to leave."""
SAME = 5
"""How many trainings in a row may fail for the same reason before a run is given up."""
NOTHING: Mapping[str, float] = {}

Ask = Callable[[], Proposal | None]
Stop = Callable[[Proposal, Epoch], str]
"""Why a training ends with an epoch; an empty string where it goes on."""


class Executor(Protocol):
    """Whoever trains jobs: local workers, or a cluster."""

    def free(self) -> int:
        """Count the jobs that can be submitted now."""

    def submit(self, job: Job) -> None:
        """Begin a job."""

    def stop(self, number: int) -> None:
        """Have a job end with its epoch."""

    def events(self, timeout: float) -> Iterator[Event]:
        """Yield what has happened."""

    def close(self, grace: float) -> list[Finished]:
        """Have all jobs leave after their epoch; return the last results."""


class Watch(Protocol):
    """Whoever wants to know: a log, a display."""

    def __call__(self, event: str, **facts: Any) -> None:
        """Take note of an event."""


class RepeatedError(RuntimeError):
    """Training after training has failed for one reason; its text has the traceback."""


class Loop:
    """Drives one study with one executor.

    `job` writes down what an executor needs of a proposal; `measure` returns the figures that only
    a device can tell; `stop` may end a training early.
    """

    def __init__(
        self,
        study: Study,
        executor: Executor,
        job: Callable[[Proposal], Job],
        watch: Watch,
        measure: Callable[[Proposal], Mapping[str, float]] = lambda _: NOTHING,
        stop: Stop = lambda proposal, epoch: "",
    ) -> None:
        self.running: dict[int, Proposal] = {}
        self._study, self._executor, self._job, self._watch = study, executor, job, watch
        self._measure, self._stop = measure, stop
        self._reasons: dict[int, str] = {}
        self._failures: list[str] = []

    def run(
        self,
        ask: Ask,
        is_leaving: Callable[[], bool],
        until: float = inf,
        first: Iterable[Proposal] = (),
    ) -> None:
        """Train what is asked for, and before that what is handed in.

        Returns when nothing is left, or when it is time to leave; then `leave` puts down what runs.
        """
        left = deque(first)
        is_dry = False
        while True:
            is_over = is_leaving() or time.monotonic() > until
            while not is_over and not is_dry and self._executor.free():
                proposal = left.popleft() if left else ask()
                if proposal:
                    self._begin(proposal)
                else:
                    is_dry = True
                is_over = is_leaving() or time.monotonic() > until
            if is_over:
                return
            if not self.running:
                left.extend(self._study.interrupted())
                if not left:
                    return
                is_dry = False
            for event in self._executor.events(PATIENCE):
                self._hear(event)
                # what has ended may let go of what waited for it
                is_dry = is_dry and not isinstance(event, Finished)

    def leave(self, grace: float) -> None:
        """Have what still runs leave with its epoch, and put it down."""
        for event in self._executor.close(grace):
            self._hear(event)

    def _begin(self, proposal: Proposal) -> None:
        self.running[proposal.number] = proposal
        self._executor.submit(self._job(proposal))

    def _hear(self, event: Event) -> None:
        proposal = self.running.get(event.number)
        if proposal is None:
            return
        if isinstance(event, Started):
            self._study.start(event.number)
            self._watch("started", **about(proposal))
        elif isinstance(event, Reported):
            if not event.is_last:  # that one is put down with the end
                self._study.report(event.number, event.epoch)
            if reason := self._stop(proposal, event.epoch):
                self._reasons[event.number] = reason
                self._executor.stop(event.number)
            self._watch("epoch", number=event.number, **of_epoch(event.epoch))
        elif isinstance(event, Died):
            self._watch("died", number=event.number, reason=event.reason)
        elif isinstance(event, Finished):
            self._finish(proposal, event.result)

    def _finish(self, proposal: Proposal, result: Result) -> None:
        del self.running[proposal.number]
        reason = self._reasons.pop(proposal.number, "")
        if result.status == "stopped" and reason:
            result = replace(result, reason=reason)
        measured: Mapping[str, float] = NOTHING
        if result.status == "complete":
            try:
                measured = self._measure(proposal)
            except Exception as error:
                words = f"it cannot be measured: {type(error).__name__}: {error}"
                result = replace(result, status="failed", reason=words, score=None)
        self._study.tell(proposal.number, result, measured)
        self._watch("finished", **about(proposal), **of_result(result), measured=measured)
        # a baseline that trains well says nothing of the modules that fail
        if result.status != "interrupted" and not (proposal.name and result.status == "complete"):
            self._count(result)

    def _count(self, result: Result) -> None:
        same = result.status == "failed" and result.reason in (self._failures or [result.reason])
        self._failures = [*self._failures, result.reason] if same else []
        if result.status == "failed" and not same:
            self._failures = [result.reason]
        if len(self._failures) == SAME:
            raise RepeatedError(
                f"{SAME} trainings in a row have failed for the same reason: {result.reason}\n"
                f"{result.details}".rstrip()
            )


def about(proposal: Proposal) -> dict[str, Any]:
    """Return what is said of a proposal in an event."""
    return {
        "number": proposal.number,
        "name": proposal.name,
        "choices": dict(proposal.architecture.choices),
        "seed": proposal.seed,
        "params": proposal.cost.params,
        "macs": proposal.cost.macs,
    }


def of_epoch(epoch: Epoch) -> dict[str, Any]:
    """Return what is said of an epoch in an event."""
    return {
        "epoch": epoch.number,
        "loss": epoch.loss,
        epoch.metric: epoch.score,
        "remarks": epoch.remarks,
    }


def of_result(result: Result) -> dict[str, Any]:
    """Return what is said of a result in an event."""
    return {
        "status": result.status,
        "reason": result.reason,
        "metric": result.metric,
        "score": result.score,
        "seconds": round(result.seconds, 2),
        "flags": result.flags,
    }
