"""How many workers one driver keeps busy: trainings that sleep, on CPUs that are only said to be.

    python -m tests.benchmarks.ray_many                 1,000 trials over 64 workers, some minutes
    python -m tests.benchmarks.ray_many --workers 8 --trials 100 --seconds 0.2

A worker is a process of Ray that sleeps through its epochs. The trials are counted from when the
last worker has come up until none waits any more: the share of that time in which workers do
nothing, the share of one core that the driver takes, and what both come to for an event. The study
is not in it: `tests.benchmarks.ray_overhead` says what that costs.
"""

import argparse
import itertools
import json
import os
import platform
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

EPOCHS = 4
GOAL = 0.1
"""The share of the workers' time that may be lost."""


def told(number: int, epoch: int, worker: int) -> Any:
    """Return an event, where it is received: what sends it does without torch."""
    from search.job import Finished, Reported
    from trials.epoch import Epoch
    from trials.trial import Result

    if epoch > EPOCHS:
        return Finished(number, Result("complete"))
    # a loss says nothing here, so it says who sleeps
    return Reported(number, Epoch(epoch, float(worker), 0.5))


class Event:
    """What turns into an event on its way: what `told` returns for what was `said`."""

    def __init__(self, told: Any, *said: object) -> None:
        self.told, self.said = told, said

    def __reduce__(self) -> tuple[Any, tuple[object, ...]]:
        return self.told, self.said


def sleeping(seconds: float) -> Any:
    """Return the class of a worker that sleeps through its epochs."""
    from ray import tune

    class Training(tune.Trainable):
        def setup(self, config: dict[str, Any]) -> None:
            self.number, self.epoch = config["job"]["number"], 0

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.setup(new_config)
            return True

        def step(self) -> dict[str, Any]:
            self.epoch += 1
            said = [self.epoch]
            if self.epoch <= EPOCHS:
                time.sleep(seconds)
            if self.epoch == EPOCHS:
                said.append(EPOCHS + 1)
            events = [Event(told, self.number, epoch, os.getpid()) for epoch in said]
            return {"events": events, "done": said[-1] > EPOCHS}

        def answer(self, answer: str) -> None:
            self.epoch = EPOCHS

    return Training


def measured(workers: int, trials: int, seconds: float, folder: Path, address: str) -> Any:
    """Run the trials and return the counts."""
    from search import cluster
    from search.job import Job, Reported
    from search.share import Share

    cluster.training = lambda *_: sleeping(seconds)
    space = folder / "mine.py"
    space.write_text("")
    numbers = itertools.count()
    awake: set[float] = set()
    events = epochs = 0
    begun, wall, cpu = time.perf_counter(), 0.0, 0.0
    with closing(cluster.Cluster(space, folder, workers, Share(1, 0), address)) as executor:
        left = trials
        while left:
            while left and executor.free():
                number = next(numbers)
                executor.submit(Job(number, str(space), "", {}, "", 0, str(folder)))
                left -= bool(wall)
            for event in executor.events(1):
                events += 1
                if isinstance(event, Reported):
                    epochs += 1
                    awake.add(event.epoch.loss)
                if not wall and len(awake) == workers:
                    wall, cpu = time.perf_counter(), time.process_time()
                    events = epochs = 0
        came_up = wall - begun
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "workers": workers,
        "trials": trials,
        "epoch_seconds": seconds,
        "seconds_until_the_last_worker": round(came_up, 1),
        "seconds": round(wall, 1),
        "idle_share": round(1 - epochs * seconds / (wall * workers), 3),
        "events_a_second": round(events / wall, 1),
        "driver_share_of_a_core": round(cpu / wall, 3),
        "driver_ms_an_event": round(1000 * cpu / events, 2),
        # four fifths of a core, of which every epoch takes its part and that of its trial's end
        "workers_a_driver_keeps_at_10_s_an_epoch": int(10 * 0.8 * epochs / cpu),
    }


@contextmanager
def pretending(cpus: int) -> Iterator[str]:
    """Start a cluster of this machine that says it has so many CPUs, and return its address."""
    from ray.cluster_utils import Cluster as Machines

    arguments = {"num_cpus": cpus, "include_dashboard": False}
    machines = Machines(initialize_head=True, head_node_args=arguments)
    try:
        yield machines.address
    finally:
        machines.shutdown()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=1.0, help="of an epoch; a trial has four")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        (Path(folder) / "ray").mkdir()
        os.environ |= {"RAY_TMPDIR": folder, "RAY_AUTH_MODE": "token"}
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        with pretending(given.workers) as address:
            found = measured(given.workers, given.trials, given.seconds, Path(folder), address)
    if given.json:
        print(json.dumps({"machine": platform.machine(), **found}, indent=2))
    else:
        for name, value in found.items():
            print(f"{name:42}{value:>10}")
        print(f"goal: at most {GOAL:g} of the workers' time is lost")
    return int(found["idle_share"] > GOAL)


if __name__ == "__main__":
    sys.exit(main())
