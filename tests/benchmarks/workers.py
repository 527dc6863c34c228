"""How soon workers work, and what a job costs beyond its training.

    python -m tests.benchmarks.workers              two workers, about a minute
    python -m tests.benchmarks.workers --json

Each round starts workers anew: the time until one has taken a job stands beside that of a bare
`import torch` in as many processes, then come the first and the twelfth result of a tiny training.
A job without any training shows what the rest costs: labels to network, pipe, folder, weights.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from search.job import Finished, Job, Started
from search.workers import Workers

SPACE = """\
from modules.attention.se import SE
from modules.backbones.resnet import resnet20
from spaces import Space, choice
from trials import Recipe
from trials.epoch import Epoch


def nothing(network, data, recipe, seed, device, checkpoint=None):
    yield Epoch(1, 1.0, 0.5)


space = Space(resnet20, depths=(1, 1, 1), planes=4, gate=choice(None, SE))
recipes = {
    "tiny": Recipe(data="digits", epochs=2, images=200, batch=50),
    "nothing": Recipe(data="digits", images=200, train=nothing),
}
"""
RESULTS = 12
GOAL = 1.5
"""The time to the first job taken, in imports of torch, that is still lean."""


@contextmanager
def timed(seconds: list[float]) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - started)


def job(folder: Path, number: int, recipe: str) -> Job:
    choices = {"gate": (None, "SE")[number % 2]}
    place = str(folder / "trials" / str(number))
    return Job(number, str(folder / "space.py"), recipe, choices, "", number, place, device="cpu")


def first_ones(count: int, folder: Path) -> tuple[float, float, float]:
    """Return the seconds from the start of workers to a job taken, one result, and the last."""
    began = time.perf_counter()
    taken = 0.0
    done: list[float] = []
    with Workers(count) as workers:
        waiting = [job(folder, number, "tiny") for number in range(RESULTS)]
        while len(done) < RESULTS:
            while waiting and workers.free():
                workers.submit(waiting.pop(0))
            for event in workers.events(1):
                if isinstance(event, Started):
                    taken = taken or time.perf_counter() - began
                if isinstance(event, Finished):
                    assert event.result.status == "complete", event.result
                    done.append(time.perf_counter() - began)
    return taken, done[0], done[-1]


def per_job(count: int, jobs: int, folder: Path) -> float:
    """Return the median seconds of a job that trains nothing, one after another."""
    seconds: list[float] = []
    with Workers(count) as workers:
        for number in range(jobs + 1):
            with timed(seconds):
                workers.submit(job(folder, number, "nothing"))
                while not workers.free():
                    assert not any("failed" in str(event) for event in workers.events(1))
    return statistics.median(seconds[1:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=200, help="that train nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    imports: list[float] = []
    rounds = []
    for _ in range(given.rounds):
        with timed(imports):
            bare = [sys.executable, "-c", "import torch"]
            for process in [subprocess.Popen(bare) for _ in range(given.workers)]:
                process.wait()
        with fresh() as folder:
            rounds.append(first_ones(given.workers, folder))
    taken, first, last = map(statistics.median, zip(*rounds, strict=True))
    with fresh() as one, fresh() as other:
        apart, here = per_job(1, given.jobs, one), per_job(0, given.jobs, other)
    found = {
        "import_torch": round(statistics.median(imports), 2),
        "first_job_taken": round(taken, 2),
        "first_result": round(first, 2),
        f"result_{RESULTS}": round(last, 2),
        "job_in_a_worker_ms": round(1000 * apart, 2),
        "job_in_the_driver_ms": round(1000 * here, 2),
    }
    ratio = taken / statistics.median(imports)
    machine = {"machine": platform.machine(), "torch": torch.__version__, "workers": given.workers}
    if given.json:
        print(json.dumps({**machine, **found, "ratio": round(ratio, 2), "goal": GOAL}, indent=2))
    else:
        print(f"medians of {given.rounds} rounds and {given.jobs} jobs, {machine}")
        for name, value in found.items():
            print(f"{name:24}{value:>8}")
        print(f"a job is taken after {ratio:.2f} imports of torch, goal {GOAL}")
    return int(ratio > GOAL)


@contextmanager
def fresh() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "space.py").write_text(SPACE)
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main())
