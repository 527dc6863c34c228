"""Where a driver and whoever trains for it in another thread meet: jobs one way, events the other.

The driver deals with one event at a time, and the other thread waits for what comes of it: after
an epoch for the answer, after the end of a job until the driver asks for more, so that the next
job is there when its worker becomes free.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from search.job import Answer, Died, Event, Finished, Job, Reported, Started
from search.slots import LONG
from trials.epoch import Epoch
from trials.trial import Result

RETRIES = 2
"""How often a job is tried again whose worker has gone."""
SILENCE = 300.0
"""Seconds beyond its job's time after which a worker that says nothing is taken for lost."""


class Left(BaseException):
    """The driver has left: ends the other thread, whatever that is in, and is no error."""


@dataclass
class Held:
    """A job that has been submitted, and what is known of it so far."""

    job: Job
    curve: list[Epoch] = field(default_factory=list)
    deaths: int = 0
    is_begun: bool = False
    since: float = field(default_factory=time.monotonic)
    due: float = math.inf


class Exchange:
    """Carries jobs and events between two threads; `count` jobs may be under way at once."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.running: dict[int, Held] = {}
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._said: SimpleQueue[Event | BaseException] = SimpleQueue()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._is_waited_for = False
        self._is_leaving = False
        self._is_over = False
        self._stopped: set[int] = set()

    def __getstate__(self) -> dict[str, object]:
        """Leave all behind: Tune pickles whoever holds this, to remember what it need not."""
        return {}

    # what the driver does

    def submit(self, job: Job) -> None:
        """Have a job trained."""
        if len(self.running) >= self.count:
            raise RuntimeError(f"no worker is free for job {job.number}")
        self.running[job.number] = Held(job)
        self._jobs.put(job)

    def stop(self, number: int) -> None:
        """Have a job end with the epoch that it has just reported or reports next."""
        self._stopped.add(number)

    def events(self, timeout: float) -> Iterator[Event]:
        """Yield what has happened, if anything has within so many seconds."""
        self._reply()
        try:
            event = self._said.get(timeout=timeout)
        except Empty:
            return
        if isinstance(event, BaseException):
            raise event
        self._is_waited_for = True
        self._note(event)
        try:
            yield event
        finally:
            # also when whoever listens leaves at this event: a worker never waits in vain
            if isinstance(event, Reported):
                self._reply()

    def leave(self, grace: float) -> list[Finished]:
        """Have all jobs end with their epoch, and return the results that come within the grace."""
        until = time.monotonic() + grace
        self._is_leaving = True
        # one that no worker has begun has nothing to say, and may find none for long
        self.running = {number: held for number, held in self.running.items() if held.is_begun}
        results = []
        while self.running and (rest := until - time.monotonic()) > 0:
            for event in self.events(min(rest, LONG)):
                if isinstance(event, Finished):
                    results.append(event)
        return results

    def end(self) -> None:
        """Have the other thread leave where it next comes by."""
        self._is_over = True
        self.running.clear()
        self._jobs.put(None)
        self._answers.put("interrupted")

    # what the other thread does

    def next(self, is_waiting: bool) -> Job | None:
        """Return the next job; where there is none, wait for it or return nothing."""
        self.pass_by()
        try:
            job = self._jobs.get(block=is_waiting)
        except Empty:
            return None
        self.pass_by()
        return None if self._is_leaving else job

    def tell(self, event: Event) -> Answer:
        """Tell an event and return what it comes to; nothing is told twice."""
        self.pass_by()
        held = self.running.get(event.number)
        if held is None:
            return "interrupted"
        if not isinstance(event, Reported) or event.epoch.number > len(held.curve):
            self._said.put(event)
            self._answers.get()
            self.pass_by()
        if self._is_leaving:
            return "interrupted"
        return "stopped" if event.number in self._stopped else "go on"

    def silent(self) -> list[int]:
        """Return the jobs whose workers should have told their end long ago."""
        now = time.monotonic()
        return [number for number, held in list(self.running.items()) if now > held.due]

    def lost(self, number: int, reason: str) -> None:
        """Tell that a worker has gone with its job, which is tried again or given up."""
        if held := self.running.get(number):
            if time.monotonic() > held.due:
                reason = "silence long past its time"
            held.deaths += 1
            held.is_begun, held.due = False, math.inf
            if held.deaths <= RETRIES:
                self.tell(Died(number, reason))
                return
            self.give_up(number, f"its worker died {held.deaths} times, the last time by {reason}")

    def give_up(self, number: int, reason: str) -> None:
        """Tell that a job will not be tried again, if that has not been told."""
        if held := self.running.get(number):
            self.tell(Finished(number, given_up(held, reason)))

    def fail(self, error: BaseException) -> None:
        """Have the driver raise an error that nothing can go on after."""
        self._said.put(error)

    def pass_by(self) -> None:
        """End this thread if the driver has left."""
        if self._is_over:
            raise Left

    def _reply(self) -> None:
        if self._is_waited_for:
            self._is_waited_for = False
            self._answers.put("go on")

    def _note(self, event: Event) -> None:
        if isinstance(event, Started):
            held = self.running[event.number]
            held.is_begun, held.due = True, time.monotonic() + held.job.seconds + SILENCE
        elif isinstance(event, Reported):
            self.running[event.number].curve.append(event.epoch)
        elif isinstance(event, Finished):
            del self.running[event.number]
            self._stopped.discard(event.number)


def given_up(held: Held, reason: str) -> Result:
    """Return what is known of a job whose workers have gone with the rest."""
    last = held.curve[-1] if held.curve else Epoch(0, math.nan, math.nan)
    return Result(
        "failed",
        reason,
        metric=last.metric,
        direction=last.direction,
        curve=tuple(held.curve),
        seconds=time.monotonic() - held.since,
    )


def cause(told: str) -> str:
    """Say in a line what a worker went of, from all that a cluster has told of its job's errors."""
    last = told.rpartition("Failure #")[2].strip()
    if "node has died" in last:
        return "the loss of its machine"
    if "unavailable" in last:
        return "the loss of the way to it"
    if "actor died" in last or "actor is dead" in last:
        return "the end of its worker"
    return last.splitlines()[-1] if last else "nothing that was told"
