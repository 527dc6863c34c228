"""A space file of tiny networks that misbehave as told, and jobs that train them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from search.job import Event, Finished, Job, Reported, Started
from search.workers import Workers
from trials.trial import Result

SPACE = """\
from functools import partial

from modules.attention.se import SE
from modules.backbones.resnet import resnet20
from spaces import Space, choice
from trials import Recipe
from trouble import Trouble, counted, strange

tiny = partial(Space, resnet20, depths=(1, 1, 1), planes=4)
names = ("raise", "leave", "segfault", "exit", "exit once", "hang", "slow", "print")
space = tiny(gate=choice(None, SE, **{name: partial(Trouble, what=name) for name in names}))
baselines = {"plain": tiny()}
short = partial(Recipe, data="digits", epochs=2, images=200, batch=50, precision="fp32")
recipes = {
    "tiny": short(),
    "long": short(epochs=1000),
    "searched": partial(
        Recipe, data="digits", epochs=2, images=200, batch=50, lr=choice(0.1, 0.01)
    ),
    "counted": short(data=counted),
    "strange": short(train=strange),
}
"""
TROUBLE = """\
import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import nn

from trials.data import load
from trials.epoch import Epoch
from trials.recipe import Recipe

HERE = Path(__file__).parent


class Trouble(nn.Module):
    def __init__(self, channels, what):
        super().__init__()
        self.what = what

    def forward(self, x):
        if not self.training:
            return x
        if self.what == "raise":
            raise RuntimeError(f"{x.shape[1]} channels are not for me")
        if self.what == "leave":
            sys.exit("enough")
        if self.what == "segfault":
            ctypes.string_at(0)
        if self.what == "exit":
            os._exit(7)
        if self.what == "exit once" and not (HERE / "done").exists():
            # as the processes of a DataLoader are, with all the files of this one
            if forked := os.fork():
                (HERE / "done").write_text(str(forked))
                os._exit(7)
            time.sleep(1000)
        if self.what == "hang":
            child = subprocess.Popen(["sleep", "1000"])
            (HERE / "sleeper").write_text(str(child.pid))
            time.sleep(1000)
        if self.what == "slow":
            time.sleep(0.02)
        if self.what == "print":
            print("here I am")
        return x


def counted(root):
    with (HERE / "loads").open("a") as file:
        file.write(f"{os.getpid()} ")
    return load(Recipe(data="digits", images=200))


def strange(network, data, recipe, seed, device, checkpoint=None):
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "none")
    for number in (1, 2):
        score = torch.tensor(number / 4)
        yield Epoch(number, torch.ones(()), score, "luck", classes=torch.zeros(2), remarks=(gpu,))
"""


def write_space(folder: Path) -> Path:
    (folder / "mine.py").write_text(SPACE)
    (folder / "trouble.py").write_text(TROUBLE)
    return folder / "mine.py"


def job(space: Path, number: int = 0, gate: str | None = "SE", **changes: object) -> Job:
    fields = {
        "number": number,
        "space": str(space),
        "recipe": "tiny",
        "choices": {"gate": gate},
        "baseline": "",
        "seed": 0,
        "folder": str(space.parent / "trials" / str(number)),
    }
    return Job(**{**fields, **changes})


def events(workers: Workers, *jobs: Job) -> Iterator[Event]:
    """Do jobs as workers become free, and yield what happens."""
    waiting, running = list(jobs), 0
    while waiting or running:
        while waiting and workers.free():
            workers.submit(waiting.pop(0))
            running += 1
        for event in workers.events(1):
            running -= isinstance(event, Finished)
            yield event


def results(workers: Workers, *jobs: Job) -> dict[int, Result]:
    heard = [event for event in events(workers, *jobs) if isinstance(event, Finished)]
    assert len({event.number for event in heard}) == len(heard)
    return {event.number: event.result for event in heard}


def curve(result: Result) -> list[tuple[int, float, float]]:
    return [(epoch.number, epoch.loss, epoch.score) for epoch in result.curve]


def story(heard: list[Event]) -> list[str]:
    """Tell what happened in words: 'started', 'epoch 1', 'died: exit code 7', 'complete'."""
    words = []
    for event in heard:
        if isinstance(event, Started):
            words.append("started")
        elif isinstance(event, Reported):
            words.append(f"epoch {event.epoch.number}")
        elif isinstance(event, Finished):
            words.append(event.result.status)
        else:
            words.append(f"died: {event.reason}")
    return words


def descendants(process: int) -> list[int]:
    """Return the processes that one has started, and those that they have."""
    found = [process]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, task.read_text().split())
    return found[1:]


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
