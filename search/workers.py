"""Long-lived workers, a job each: what a driver sees of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from multiprocessing.connection import wait
from types import TracebackType
from typing import TYPE_CHECKING, Self

from search.job import Event, Finished, Job, Reported
from search.slots import LONG, Apart, Here

if TYPE_CHECKING:
    from search.worker import Bench

GRACE = 5.0
"""Seconds from being told to leave until being killed."""


class Workers:
    """`count` processes, each on one of the GPUs named; none of them trains in this one.

    They start at once and live until `close`. After an epoch a job waits until its event has been
    dealt with, then goes on unless `stop` was called by then.
    """

    def __init__(self, count: int, gpus: Sequence[str] = (), bench: Bench | None = None) -> None:
        self._apart = [Apart(gpu) for gpu in islice(cycle(gpus or [""]), count)]
        self._here = [] if count else [Here(bench)]
        self._stopped: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def paces(self, jobs: Sequence[Job]) -> list[float] | None:
        """Return the seconds that each job's network needs for an image, before anything runs.

        None where that cannot be told; what is wrong with a network is the result of its training.
        """
        apart = self._apart[0] if self._apart else Apart("")
        try:
            return apart.paces(jobs)
        finally:
            if not self._apart:
                apart.end()

    def free(self) -> int:
        """Count the jobs that can be submitted now."""
        return sum(slot.job is None for slot in self._slots)

    def submit(self, job: Job) -> None:
        """Give a job to a free worker."""
        for slot in self._slots:
            if slot.job is None:
                slot.take(job)
                return
        raise RuntimeError(f"no worker is free for job {job.number}")

    def stop(self, number: int) -> None:
        """Have a job end with the epoch that it has just reported or reports next."""
        self._stopped.add(number)

    def events(self, timeout: float) -> Iterator[Event]:
        """Yield what has happened, waiting up to `timeout` seconds for it.

        Where there are no processes this is where the training is done, up to its next event.
        """
        for slot in self._ready(timeout) or self._here:
            if slot.job is None or (event := slot.hear()) is None:
                continue
            try:
                yield event
            finally:
                # also when whoever listens leaves at this event: a worker never waits in vain
                if isinstance(event, Reported) and not event.is_last:
                    stopped = event.number in self._stopped
                    slot.answer("stopped" if stopped else "go on")
                elif isinstance(event, Finished):
                    self._stopped.discard(event.number)
        for apart in self._apart:
            if event := apart.overdue():
                yield event

    def close(self, grace: float = GRACE) -> list[Finished]:
        """Have all jobs leave after their epoch, kill what has not, and return the last results."""
        until = time.monotonic() + grace
        results: list[Finished] = []
        try:
            for here in self._here:
                results += here.left()
            for apart in self._apart:
                if apart.job:
                    apart.answer("interrupted")
            while (rest := until - time.monotonic()) > 0 and any(one.job for one in self._apart):
                for apart in self._ready(rest):
                    results += apart.last_words()
        finally:
            for slot in self._slots:
                slot.end()
            self._apart.clear()
            self._here.clear()
        return results

    @property
    def _slots(self) -> Sequence[Apart | Here]:
        return self._here or self._apart

    def _ready(self, timeout: float) -> list[Apart]:
        busy = {slot.child.pipe: slot for slot in self._apart if slot.job}
        if not busy:
            return []
        rest = min(slot.due for slot in busy.values()) - time.monotonic()
        ready = wait(list(busy), max(0, min(rest, timeout, LONG)))
        return [slot for pipe, slot in busy.items() if pipe in ready]
