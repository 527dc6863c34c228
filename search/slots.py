"""Where one job at a time is done: apart, in a process that may be lost, or here."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from search.child import LATE, OUTPUT, Child
from search.job import Answer, Died, Event, Finished, Job, Reported, Started, Timing

if TYPE_CHECKING:
    from search.worker import Bench
    from trials.epoch import Epoch

RETRIES = 2
"""How often a job is tried again whose process has died."""
START = 120.0
"""Seconds that a process may take from its start until it takes a job."""
LONG = 60.0
"""Seconds after which a wait for something that may take for ever looks at the time."""
TAIL = 8000
"""How many characters of what a lost process printed are told."""


class Apart:
    """A process that stays from job to job; a new one takes over when it dies or hangs."""

    def __init__(self, gpu: str) -> None:
        self.gpu = gpu
        self.child = Child(gpu)
        self.job: Job | None = None
        self.curve: list[Epoch] = []
        self.deaths = 0
        self.taken = 0.0
        self.due = math.inf

    def paces(self, jobs: Iterable[Job]) -> list[float] | None:
        """Return the seconds that each job's network needs for an image; None if one cannot tell.

        A process that a network takes along, or that hangs, is replaced.
        """
        self.child.send(Timing(tuple(jobs)))
        with suppress(EOFError, OSError):
            if self.child.pipe.poll(START + LONG):
                told: list[float] | None = self.child.pipe.recv()
                return told
        self._renew()
        return None

    def take(self, job: Job) -> None:
        """Begin a job."""
        self.job, self.curve, self.deaths, self.taken = job, [], 0, time.monotonic()
        # a process without a job has nothing to say: what can be read is its end
        if self.child.pipe.poll():
            self._renew()
        self._send(job)

    def answer(self, answer: Answer) -> None:
        """Tell a job that has reported an epoch whether to go on."""
        self.child.send(answer)

    def hear(self) -> Event | None:
        """Return what the process says; nothing where it repeats what another had said before."""
        assert self.job
        try:
            event = self.child.hear()
        except (EOFError, OSError):
            return self._died(self.job)
        if isinstance(event, Started):
            self.due = time.monotonic() + self.job.seconds + LATE
        if isinstance(event, Finished):
            self.job = None
        if isinstance(event, Reported):
            if event.epoch.number <= len(self.curve):
                if not event.is_last:
                    self.answer("go on")
                return None
            self.curve.append(event.epoch)
        return event

    def next_event(self) -> Event:
        """Wait for what happens next."""
        while True:
            rest = max(0.0, min(self.due - time.monotonic(), LONG))
            if event := self.hear() if self.child.pipe.poll(rest) else self.overdue():
                return event

    def overdue(self) -> Event | None:
        """Kill a process that is long past its job's time and has nothing to say."""
        if self.job is None or time.monotonic() < self.due or self.child.pipe.poll():
            return None
        self._renew()
        return self._ended(
            self.job,
            "timed out",
            f"it hung in epoch {len(self.curve) + 1}, {LATE:g} s after its {self.job.seconds:g} s, "
            "and was killed",
        )

    def last_words(self) -> list[Finished]:
        """Return the result of a job that was told to leave; nothing is tried again."""
        try:
            event = self.child.hear()
        except (EOFError, OSError):
            self.job = None
            return []
        if not isinstance(event, Finished):
            return []
        self.job = None
        return [event]

    def end(self) -> None:
        """Leave no process behind."""
        self.child.killed()
        self.job = None

    def _send(self, job: Job) -> None:
        self.due = time.monotonic() + START + job.seconds
        self.child.send(job)

    def _renew(self) -> None:
        self.child.killed()
        self.child = Child(self.gpu)

    def _died(self, job: Job) -> Event:
        self.deaths += 1
        reason = self.child.buried()
        self.child = Child(self.gpu)
        if self.deaths > RETRIES:
            words = f"its process died {self.deaths} times, the last time by {reason}"
            return self._ended(job, "failed", words)
        self._send(job)
        return Died(job.number, reason)

    def _ended(self, job: Job, status: str, reason: str) -> Finished:
        # these need torch, which the driver has by now
        from trials.epoch import Epoch
        from trials.trial import Result

        self.job = None
        last = self.curve[-1] if self.curve else Epoch(0, math.nan, math.nan)
        result = Result(
            status,
            reason,
            metric=last.metric,
            direction=last.direction,
            curve=tuple(self.curve),
            seconds=time.monotonic() - self.taken,
            details=printed(Path(job.folder)),
        )
        return Finished(job.number, result)


class Here:
    """This very process, for debugging, and for classes that are in no file."""

    def __init__(self, bench: Bench | None) -> None:
        self.job: Job | None = None
        self._bench = bench
        self._events: Iterator[Event] = iter(())
        self._answer: Answer = "go on"

    def take(self, job: Job) -> None:
        """Begin a job."""
        from search.worker import Bench, work

        self._bench = self._bench or Bench()
        self.job = job
        self._events = work(job, self._bench, lambda: self._answer)

    def answer(self, answer: Answer) -> None:
        """Tell a job that has reported an epoch whether to go on."""
        self._answer = answer

    def hear(self) -> Event | None:
        """Train up to the next event and return it."""
        event = next(self._events)
        if isinstance(event, Finished):
            self.end()
        return event

    def left(self) -> list[Finished]:
        """Have the training leave with its epoch, and return what it has come to."""
        self.answer("interrupted")
        events = list(self._events) if self.job else []
        return [event for event in events if isinstance(event, Finished)]

    def end(self) -> None:
        """Leave the training where it is."""
        self.job, self._events = None, iter(())


def printed(folder: Path) -> str:
    """Return the end of what a process printed, with the place where it crashed or hung."""
    path = folder / OUTPUT
    return path.read_text("utf-8", "replace")[-TAIL:] if path.exists() else ""
