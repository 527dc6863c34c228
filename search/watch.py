"""Whoever follows a run: its log, its screen, and the folder that is kept small meanwhile."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.display import Lines
from search.place import Place
from search.study import Study
from search.survey import names
from trials.checkpoint import WEIGHTS


@dataclass
class Watch:
    """Writes the log, tells the screen, and clears away what nobody needs any more."""

    place: Place
    study: Study
    screen: Lines
    keep_all: bool

    def __call__(self, event: str, **facts: Any) -> None:
        """Take note of an event."""
        self.log(event, **facts)
        self.screen(event, **facts)
        if event in ("began", "finished"):
            self._look()

    def log(self, event: str, **facts: Any) -> None:
        """Write an event into the log."""
        self.place.folder.log(event, **facts)

    def _look(self) -> None:
        """See who is best now, and let go of the weights of what is off the front."""
        best, front = self.study.best(), self.study.front()
        self.screen(
            "standing",
            best=f"{names(best)}: {best.mean:.4f}" if best else "",
            front=len(front),
            counts=self.study.counts(),
        )
        if not self.keep_all:
            kept = {number for mean in front for number in mean.numbers}
            tidy(self.place.folder.path / "trials", self.study, kept)


def tidy(folder: Path, study: Study, kept: set[int]) -> None:
    """Remove the weights of finished trainings off the front, and the states of all that ended."""
    for row in study.rows():
        held = folder / row.folder
        if row.status in ("running", "interrupted") or not held.is_dir():
            continue
        for path in held.glob("*.state"):
            is_kept = path.name == WEIGHTS and (row.name or row.number in kept)
            if not is_kept:
                path.unlink(missing_ok=True)
        if not any(held.iterdir()):
            shutil.rmtree(held, ignore_errors=True)
