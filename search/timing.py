"""How fast networks train here, told by a process of its own: what crashes there crashes alone."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence

from search.job import Job

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from search.timing import main; main()"
)
LONG = 60.0
"""Seconds after which a network that has not finished a few steps is taken to hang."""


def paces(jobs: Sequence[Job]) -> list[float] | None:
    """Return the seconds that each job's network needs for an image; None if one cannot tell.

    The process ends with its last network, so no memory of a GPU stays taken.
    """
    command = [sys.executable, "-P", "-c", START, json.dumps(list(map(str, sys.path)))]
    try:
        done = subprocess.run(
            command,
            input=pickle.dumps(list(jobs)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=LONG,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    # whatever is wrong with a network is the result of its training
    told: list[float] | None = json.loads(done.stdout) if done.stdout else None
    return told


def main() -> None:
    """Time the networks of the jobs on standard input; print the seconds of each."""
    from search.worker import Bench, recipe_of
    from trials.pace import pace

    jobs: list[Job] = pickle.load(sys.stdin.buffer)
    answer = os.dup(1)
    # what a space file prints is no answer
    os.dup2(2, 1)
    bench, told = Bench(), []
    for job in jobs:
        experiment, architecture = bench.architecture(job)
        recipe = recipe_of(experiment, architecture)
        about = experiment.shape, experiment.classes, job.device, job.threads
        told.append(pace(architecture.network, recipe, *about))
    os.write(answer, json.dumps(told).encode())
