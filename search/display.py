"""What a person sees while a run goes on: a live picture in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from search.forecast import words

UNTRAINED = ("duplicate", "refused", "over a limit")
KNOWN = {
    *("number", "name", "choices", "seed", "params", "macs", "since", "epoch", "loss", "remarks"),
}
"""What is said of a training under way that is not its score."""


@dataclass
class Progress:
    """Where a run stands: filled by its events, read by whoever shows it."""

    title: str
    trainings: int
    workers: int
    epochs: int
    expected: float
    running: dict[int, dict[str, Any]] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    best: str = ""
    front: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    done_before: int = 0

    def take(self, event: str, facts: Mapping[str, Any]) -> None:
        """Take note of an event."""
        if event == "started":
            self.running[facts["number"]] = {**facts, "since": time.monotonic(), "epoch": 0}
        elif event == "epoch" and facts["number"] in self.running:
            self.running[facts["number"]] |= facts
        elif event == "finished":
            self.running.pop(facts["number"], None)
            self.ended[facts["status"]] += 1
            if facts["status"] == "complete":
                self.seconds.append(facts["seconds"])
        elif event == "standing":
            self.best, self.front = facts["best"], facts["front"]
            self.counts = Counter(facts["counts"])

    @property
    def done(self) -> int:
        """How many trainings have come to their end, in earlier runs too."""
        return self.done_before + sum(
            count for status, count in self.ended.items() if status != "interrupted"
        )

    @property
    def rest(self) -> float:
        """The seconds that are left, as far as can be told."""
        each: float = sum(self.seconds) / len(self.seconds) if self.seconds else self.expected
        begun: float = sum(one["epoch"] / max(1, self.epochs) for one in self.running.values())
        return each * max(0.0, self.trainings - self.done - begun) / max(1, self.workers)

    def line(self) -> str:
        """Say in one line where the run stands."""
        left = f", about {words(self.rest)} left" if self.rest else ""
        return f"{self.done} of {self.trainings} trainings{left}"

    def remarks(self) -> str:
        """Count what did not become a score."""
        kinds = Counter({kind: self.counts[kind] for kind in UNTRAINED})
        kinds += Counter({kind: n for kind, n in self.ended.items() if kind != "complete"})
        return ", ".join(f"{count} {kind}" for kind, count in kinds.items() if count)


class Lines:
    """A line for each training that ends, where there is no terminal."""

    def __init__(self, progress: Progress, stream: TextIO) -> None:
        self.progress, self.stream = progress, stream

    def __call__(self, event: str, **facts: Any) -> None:
        """Show an event."""
        self.progress.take(event, facts)
        if event == "finished":
            self.say(f"[{self.progress.line()}] {title(facts)}: {outcome(facts)}")
        elif event == "died":
            self.say(f"a worker died ({facts['reason']}); its training goes on in another")

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """End the picture."""


class Picture(Lines):
    """The trainings under way, redrawn in place, beneath the lines of those that have ended."""

    def __init__(self, progress: Progress, stream: TextIO) -> None:
        super().__init__(progress, stream)
        self._console = Console(file=stream, highlight=False)
        self._live = Live(
            get_renderable=self.drawn,
            console=self._console,
            refresh_per_second=2,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def say(self, text: str) -> None:
        """Print a line above the picture."""
        self._console.print(Text(text), soft_wrap=True)

    def drawn(self) -> Group:
        """Draw what runs and where it all stands."""
        progress = self.progress
        table = Table.grid(padding=(0, 2))
        for one in list(progress.running.values()):
            metric = next((name for name in one if name not in KNOWN), "")
            score = f"{metric} {one[metric]:.3f}" if metric else ""
            spent = words(time.monotonic() - one["since"])
            table.add_row(
                f"  #{one['number']}", title(one), f"epoch {one['epoch']}/{progress.epochs}",
                score, spent,
            )  # fmt: skip
        lines: list[RenderableType] = [
            Text(f"{progress.title}: {progress.line()}", style="bold"),
            table,
        ]
        if progress.best:
            lines.append(Text(f"best {progress.best}; {progress.front} on the front"))
        if remarks := progress.remarks():
            lines.append(Text(remarks, style="dim"))
        return Group(*lines)

    def close(self) -> None:
        """Take the picture away; the lines stay."""
        self._live.stop()


class Silent(Lines):
    """Nothing but the count, for whoever asked for quiet."""

    def say(self, text: str) -> None:
        """Keep a line to oneself."""


def display(progress: Progress, is_quiet: bool, stream: TextIO | None = None) -> Lines:
    """Return what suits where it is shown."""
    stream = stream or sys.stderr
    if is_quiet:
        return Silent(progress, stream)
    return Picture(progress, stream) if stream.isatty() else Lines(progress, stream)


def title(facts: Mapping[str, Any]) -> str:
    """Name a training: its architecture and its seed."""
    choices = " ".join(f"{name}={label}" for name, label in facts["choices"].items())
    return f"{facts['name'] or choices or 'the only architecture'}, seed {facts['seed']}"


def outcome(facts: Mapping[str, Any]) -> str:
    """Say what became of a training."""
    if facts["status"] == "complete":
        flags = f" ({'; '.join(facts['flags'])})" if facts["flags"] else ""
        return f"{facts['metric']} {facts['score']:.4f} in {facts['seconds']:.0f} s{flags}"
    return f"{facts['status']}{': ' if facts['reason'] else ''}{facts['reason']}"
