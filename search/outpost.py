"""The inside of a cluster's worker: one process that trains, wherever the cluster has put it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from search.job import Answer, Event, Job, Reported, Started
from search.slots import Apart


class Outpost:
    """Trains jobs with the code that was sent along; `home` is the folder that the driver is in.

    The shelf lies beside the code, so that all workers of a machine share it and it goes with them.
    """

    def __init__(self, code: Path, space: str, home: str) -> None:
        # paths in a recipe may be relative; on a machine that has no such folder they lead nowhere
        with suppress(OSError):
            os.chdir(home)
        self._space = str(code / space)
        self._shelf = str(code.parent / "shelf")
        self._worker = Apart("")
        # what its events are made of brings torch along; the process loads that at the same time
        import trials.trial  # noqa: F401

        self._answer: Answer = "go on"
        self._is_awaited = self._is_new = False

    def take(self, fields: Mapping[str, Any]) -> None:
        """Begin a job, which comes as plain data."""
        own = {"space": self._space, "shelf": self._shelf}
        self._answer, self._is_awaited, self._is_new = "go on", False, True
        self._worker.take(Job(**{**fields, **own}))

    def answer(self, answer: Answer) -> None:
        """Note what the job that has reported is to hear."""
        self._answer = answer

    def next(self) -> tuple[list[Event], bool]:
        """Let the job go on, and return what happens next and whether that is its end.

        The last epoch comes with the end: there is nothing to answer in between.
        """
        if self._is_awaited:
            self._worker.answer(self._answer)
        event = self._worker.next_event()
        if self._is_new and isinstance(event, Started):
            # whoever gave the job knows that it has begun
            event = self._worker.next_event()
        self._is_new = False
        events = [event]
        if isinstance(event, Reported) and event.is_last:
            events.append(self._worker.next_event())
        self._answer, self._is_awaited = "go on", isinstance(events[-1], Reported)
        return events, self._worker.job is None

    def close(self) -> None:
        """Leave no process behind."""
        self._worker.end()
