"""The runs below a folder: how far each is, what went wrong last, how much it takes up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from search.entry import REFUSALS, Entry
from search.ledger import Ledger
from search.run_folder import ABOUT, RunFolder
from search.storage import Database, SQLite, database
from spaces import SpaceError

UNTRAINED = ("duplicate", *REFUSALS)
WELL = (*UNTRAINED, "complete", "stopped", "running", "interrupted")


@dataclass(frozen=True)
class Status:
    """One run; `problem` is why it cannot be read, if it cannot."""

    path: Path
    counts: Counter[str]
    running: int
    error: str
    size: int
    is_finished: bool
    problem: str = ""


def status(folder: Path) -> Iterator[Status]:
    """Yield the runs in a folder and below, by name."""
    for about in sorted(folder.glob(f"**/{ABOUT}")):
        run = RunFolder(about.parent)
        size = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
        try:
            yield read(run, size)
        except SpaceError as error:
            yield Status(run.path, Counter(), 0, "", size, False, str(error))


def read(run: RunFolder, size: int) -> Status:
    """Read a run's study, the newest of its folder."""
    store = database(run.storage)
    assert isinstance(store, SQLite)
    if not store.path.exists():
        raise SpaceError("its study is kept in another database")
    with closing(Ledger(store, {})) as ledger:
        names = ledger.names()
        if not names:
            raise SpaceError("nothing has been asked of its study yet")
        ledger.enter(names[0])
        entries = ledger.entries()
        counts = Counter(entry.status for entry in entries)
        running = sum(is_driven(entry, store) for entry in entries)
        wrong = [entry for entry in entries if entry.status not in WELL]
    error = f"#{wrong[-1].number} {wrong[-1].status}: {reason(wrong[-1])}" if wrong else ""
    ends = [event for event in run.logged() if event["event"] in ("began", "ended")]
    is_finished = bool(ends) and bool(ends[-1].get("finished"))
    return Status(run.path, counts, running, error, size, is_finished)


def is_driven(entry: Entry, store: Database) -> bool:
    """Tell whether a living process trains it."""
    return entry.status == "running" and store.is_held(str(entry.kept["lease"]["id"]))


def reason(entry: Entry) -> str:
    """Return why a training failed, in one line."""
    text = str(entry.kept["result"]["reason"]).strip()
    return text.splitlines()[0] if text else ""


def words(one: Status) -> str:
    """Say in a line how far a run is."""
    if one.problem:
        return one.problem
    counts = Counter(one.counts)
    counts["running"] = one.running
    counts["interrupted"] += one.counts["running"] - one.running
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count > 0)
    state = "finished" if one.is_finished else "running" if one.running else "not finished"
    return f"{state}: {told or 'nothing trained yet'}"
