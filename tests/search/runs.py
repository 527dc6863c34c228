"""Searches that take seconds, run as a user runs them: in a process of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
HEAD = '''\
import os
import time
from functools import partial

from torch import nn
from spaces import Space, choice
from trials import Recipe


class Scale(nn.Module):
    """A gate without parameters to speak of."""

    def __init__(self, channels, power=1):
        super().__init__()
        self.power = power
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return x * self.norm(x).sigmoid() ** self.power


def tiny(width=4, gate=None, num_classes=10):
    """A network that learns digits a little."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, 2, 1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        gate(width) if gate else nn.Identity(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * width, num_classes),
    )


'''
SPACE = (
    HEAD
    + """\
space = Space(tiny, width=choice(4, 8, 12), gate=choice(None, Scale))
baselines = {"plain": Space(tiny)}
recipes = {"quick": Recipe(data="digits", epochs=2, augment=())}
"""
)
LONG = SPACE.replace("epochs=2", "epochs=40")


def write(folder: Path, text: str = SPACE, name: str = "mine.py") -> Path:
    """Write a space file."""
    path = folder / name
    path.write_text(text)
    return path


def begun(*arguments: object, cwd: Path, **variables: str) -> subprocess.Popen[str]:
    """Start the command line on its way."""
    return subprocess.Popen(
        [sys.executable, "-m", "search.cli", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::ResourceWarning"}
        | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ran(*arguments: object, cwd: Path, code: int = 0, **variables: str) -> tuple[str, str]:
    """Run the command line to its end; return what it printed as results and besides."""
    process = begun(*arguments, cwd=cwd, **variables)
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, f"exit code {process.returncode}\n{out}\n{err}"
    return out, err


def events(folder: Path, kind: str = "") -> list[dict[str, Any]]:
    """Read the log of a run."""
    path = folder / "log.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    read = [json.loads(line) for line in lines if line.endswith("}")]
    return [event for event in read if kind in ("", event["event"])]


def wait_for(folder: Path, kind: str, count: int = 1, seconds: float = 120) -> None:
    """Wait until a run has logged so many events of a kind."""
    until = time.monotonic() + seconds
    while len(events(folder, kind)) < count:
        assert time.monotonic() < until, f"no {kind} in {folder}: {events(folder)}"
        time.sleep(0.02)


def trained(folder: Path) -> list[tuple[str, str, int, float]]:
    """Return what a run's trainings came to, in an order that does not depend on time."""
    return sorted(
        (event["name"], json.dumps(event["choices"], sort_keys=True), event["seed"], event["score"])
        for event in events(folder, "finished")
        if event["status"] == "complete"
    )


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """Leave nothing of a process behind, whatever happens."""
    try:
        yield
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def children(process: subprocess.Popen[str]) -> list[int]:
    """Return the processes that a process has started."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(number) for number in path.read_text().split()] if path.exists() else []


def is_alive(number: int) -> bool:
    """Tell whether a process still does something."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk in memory that is soon full."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
