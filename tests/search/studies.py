"""Experiments that cost nothing to build, and ways to drive a study through them."""

import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import optuna

from search.experiment import Experiment, load
from search.proposal import Proposal
from search.study import Study
from trials.epoch import Epoch
from trials.trial import Result

ROOT = Path(__file__).parent.parent.parent
TINY = """\
from functools import partial
from torch import nn
from spaces import Space, choice, fit
from trials import Recipe


class Scale(nn.Module):
    def __init__(self, channels):
        super().__init__()
        if channels % 4:
            raise ValueError(f"channels = {channels} is not divisible by 4 groups")
        self.norm = nn.GroupNorm(4, channels)

    def forward(self, x):
        return self.norm(x)


class Wide(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


def tiny(width=8, kernel=3, gate=None, num_classes=10):
    return nn.Sequential(
        nn.Conv2d(3, width, kernel, padding=kernel // 2),
        gate(width) if gate else nn.Identity(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, num_classes),
    )


"""
SPACE = """\
space = Space(tiny, width=choice(4, 8, 12), kernel=choice(1, 3))
baselines = {"plain": Space(tiny)}
recipes = {"quick": Recipe(data="clutter", epochs=2)}
"""
SEEDS = SPACE.replace("epochs=2", "epochs=2, seeds=(0, 1, 2)")
LARGE = SPACE.replace("(4, 8, 12)", "(*range(4, 44, 4))").replace("(1, 3)", "(1, 3, 5, 7)")


def written(folder: Path, text: str = SPACE, limits: Iterable[str] = ()) -> Experiment:
    """Write a space file, in a folder that may be new, and load it with its recipe."""
    folder.mkdir(exist_ok=True)
    file = folder / "mine.py"
    file.write_text(TINY + text)
    return load(str(file), "quick", limits=limits)


def score(proposal: Proposal) -> float:
    """Make up an accuracy that depends on architecture, name and seed alone."""
    named = f"{dict(proposal.architecture.choices)} {proposal.name} {proposal.seed}"
    return round(random.Random(named).uniform(0.2, 0.9), 6)


def result(accuracy: float) -> Result:
    """Return a training of two epochs that ended well."""
    curve = (Epoch(1, 1.0, accuracy / 2), Epoch(2, 0.5, accuracy))
    return Result("complete", score=accuracy, curve=curve, seconds=0.25)


def train(study: Study, budget: int | None = None, most: int | None = None) -> list[Proposal]:
    """Do trainings one after another as a driver does, until there are none or enough."""
    done: list[Proposal] = []
    while len(done) != most and (proposal := study.ask(budget)):
        finish(study, proposal)
        done.append(proposal)
    return done


def finish(study: Study, proposal: Proposal) -> None:
    """Start, report and tell one training."""
    study.start(proposal.number)
    outcome = result(score(proposal))
    for epoch in outcome.curve:
        study.report(proposal.number, epoch)
    study.tell(proposal.number, outcome)


def listed(study: Study) -> list[tuple[int, str, dict[str, object], int, str, float | None]]:
    """Return the rows without what differs from run to run."""
    return [
        (row.number, row.name, dict(row.choices), row.seed, row.status, row.score)
        for row in study.rows()
    ]


def stored(folder: Path, name: str = "mine/quick") -> optuna.Study:
    """Read a study with nothing but Optuna."""
    return optuna.load_study(study_name=name, storage=f"sqlite:///{folder / 'study.db'}")


def process(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Run code in a process of its own, with the names of this module at hand."""
    head = "import os, signal, sys, time\nfrom tests.search.studies import *\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + code, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
