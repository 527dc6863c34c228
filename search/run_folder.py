"""A run folder: what a study needs to be read, moved and gone on with, without an absolute path."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import platform
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import torch

from search.space_file import beside
from spaces import Space, SpaceError
from spaces.tree import Choice
from trials.speed import name_of

if TYPE_CHECKING:
    from search.experiment import Experiment

ABOUT = "run.json"
RECORDED = ("attention-search", "torch", "torchvision", "optuna", "ptflops", "thop", "numpy")


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """runs/<space>/<recipe>: study, space file, recipe, versions, trials, event log."""

    path: Path

    @property
    def storage(self) -> str:
        """The study's own database, as Optuna names it."""
        return f"sqlite:///{self.path / 'study.db'}"

    @property
    def about(self) -> dict[str, Any]:
        """What `search.experiment.load` needs beside the space file to read it without the data."""
        facts = self._facts()
        changes = {name: fixed(value) for name, value in facts["changes"].items()}
        known = {name: fixed(facts[name]) for name in ("recipe", "shape", "classes")}
        return {**known, "changes": changes, "limits": fixed(facts["limits"])}

    @property
    def space(self) -> Path:
        """The copy of the space file."""
        name = str(self._facts()["space"])
        if not name:
            raise SpaceError(
                f"{self.path} is the run of a space that is in no file, from a notebook perhaps; "
                "write the space into a file and give both"
            )
        return self.path / "space" / name

    def trial(self, number: int) -> Path:
        """Return where a trial keeps its states and weights."""
        return self.path / "trials" / str(number)

    def keep(
        self, experiment: Experiment, changes: Mapping[str, object], limits: Iterable[str] = ()
    ) -> None:
        """Copy the files an experiment was read from, and write down what it was read with."""
        files = [experiment.path, *beside(experiment.path)] if experiment.has_file else []
        copies = {file.name: file for file in files}
        for name, file in copies.items():
            replace(self.path / "space" / name, file.read_bytes())
        for old in (self.path / "space").glob("*.py"):
            if old.name not in copies:
                old.unlink()
        write(self.path / "recipe.json", described(experiment.recipe_value))
        write(self.path / "versions.json", self._with_versions())
        facts = {
            "space": experiment.path.name if experiment.has_file else "",
            "recipe": experiment.recipe,
            "shape": experiment.shape,
            "classes": experiment.classes,
            "changes": dict(changes),
            "limits": list(limits),
        }
        write(self.path / ABOUT, facts)

    def log(self, event: str, **facts: object) -> None:
        """Append an event as one line; where the last one was cut short, a new line begins."""
        line = json.dumps({"time": now(), "event": event, **facts}, default=str).encode()
        with (self.path / "log.jsonl").open("a+b") as file:
            file.write(b"\n" * is_torn(file) + line + b"\n")

    def logged(self) -> Iterator[dict[str, Any]]:
        """Yield the events so far, but for one that was cut short."""
        path = self.path / "log.jsonl"
        for line in path.read_bytes().splitlines() if path.exists() else []:
            try:
                yield json.loads(line)
            except ValueError:
                continue

    @contextmanager
    def driven(self) -> Iterator[None]:
        """Hold the folder for one driver; another is refused while this one lives."""
        with (self.path / "driver.lock").open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise SpaceError(
                    f"{self.path} is driven by {file.read().strip() or 'another process'}; "
                    "wait for it, stop it, or choose another folder with --out"
                ) from None
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}")
            file.flush()
            yield

    def _facts(self) -> dict[str, Any]:
        try:
            facts: dict[str, Any] = json.loads((self.path / ABOUT).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise SpaceError(f"{self.path} is not a run folder: it has no {ABOUT}") from None
        except ValueError as error:
            raise SpaceError(f"{self.path / ABOUT} is damaged: {error}") from None
        return facts

    def _with_versions(self) -> list[dict[str, str]]:
        path = self.path / "versions.json"
        kept: list[dict[str, str]] = json.loads(path.read_text()) if path.exists() else []
        here = versions()
        known = kept and {**kept[-1], "since": ""} == {**here, "since": ""}
        return kept if known else [*kept, {**here, "since": now()}]


def is_run_folder(path: Path) -> bool:
    """Tell a run folder from any other."""
    return (path / ABOUT).is_file()


def create(
    path: Path,
    experiment: Experiment,
    changes: Mapping[str, object],
    limits: Iterable[str] = (),
) -> RunFolder:
    """Make a run folder, all of it or nothing; one that is there already stays as it is."""
    if is_run_folder(path):
        return RunFolder(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as made:
        new = RunFolder(Path(made) / "run")
        for name in ("space", "trials"):
            (new.path / name).mkdir(parents=True)
        new.keep(experiment, changes, limits)
        try:
            new.path.rename(path)
        except OSError as error:
            # another driver was quicker, or something else is there
            if not is_run_folder(path):
                raise SpaceError(
                    f"{path} is not a run folder, and none can be made there "
                    f"({error.strerror}); choose another with --out"
                ) from None
    return RunFolder(path)


def write(path: Path, document: object) -> None:
    """Write a JSON document."""
    replace(path, json.dumps(document, indent=1).encode() + b"\n")


def replace(path: Path, content: bytes) -> None:
    """Give a file its content at once or not at all, where it does not have it already."""
    if path.exists() and path.read_bytes() == content:
        return
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(content)
    draft.replace(path)


def fixed(value: Any) -> Any:
    """Return a list, which is all that JSON knows, as the tuple it was."""
    return tuple(map(fixed, value)) if isinstance(value, list) else value


def is_torn(file: BinaryIO) -> bool:
    """Tell whether the last line of a file has no end."""
    if not file.seek(0, os.SEEK_END):
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def now() -> str:
    """Return the time, the same everywhere."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def described(recipe: Any) -> Any:
    """Return a recipe as plain data, where choices stand with what they offer."""
    if not isinstance(recipe, partial):
        return plain(recipe)
    first = Space(recipe).sample(lambda _, labels: labels[0])
    return {**plain(first.build()), **plain(recipe.keywords)}


def plain(value: object) -> Any:
    """Return a value as plain data: a function or a class by its name, a call by its arguments."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Choice):
        return {"choice": list(value.labels)}
    if isinstance(value, partial):
        return {"call": plain(value.func), "arguments": plain(value.args), **plain(value.keywords)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return plain(vars(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return getattr(value, "__qualname__", None) or type(value).__name__


def versions() -> dict[str, str]:
    """Return what the figures of this folder were made with."""
    found = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "hardware": hardware(),
    }
    for name in RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def hardware() -> str:
    """Name the GPUs of this machine, or else its processor."""
    if torch.cuda.is_available():
        counted = Counter(map(torch.cuda.get_device_name, range(torch.cuda.device_count())))
        return " and ".join(f"{count} x {name}" for name, count in counted.items())
    return name_of(torch.device("cpu"))
