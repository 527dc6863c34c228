import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from search.cluster import Cluster
from search.job import Reported
from search.share import Share
from search.workers import Workers
from spaces import SpaceError
from tests.search.jobs import curve, descendants, is_alive, job, results, write_space
from trials.checkpoint import Checkpoint

pytestmark = [
    pytest.mark.slow,
    # Ray leaves files and sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ROOT = Path(__file__).parent.parent.parent

MACHINES = """
import json, os, secrets, sys
os.environ["RAY_TMPDIR"] = sys.argv[2]
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
from contextlib import closing
from pathlib import Path

from search.cluster import Cluster
from search.job import Finished, Reported
from search.share import Share
from ray.cluster_utils import Cluster as Machines
from tests.search.jobs import job, story

space = Path(sys.argv[1])
machines = Machines(
    initialize_head=True,
    head_node_args={"num_cpus": 0, "include_dashboard": False},
)
nodes = [machines.add_node(num_cpus=1) for _ in range(3)]
jobs = [job(space, number, "slow", seed=number, changes={"epochs": 5}) for number in range(5)]
heard, killed = [], False
with closing(Cluster(space, space.parent, None, Share(1, 0), machines.address)) as cluster:
    assert cluster.free() == 3, cluster.free()
    waiting, running = list(jobs), 0
    while waiting or running:
        while waiting and cluster.free():
            cluster.submit(waiting.pop(0))
            running += 1
        for event in cluster.events(1):
            running -= isinstance(event, Finished)
            heard.append(event)
            reported = {one.number for one in heard if isinstance(one, Reported)}
            if len(reported) == 3 and not killed:
                machines.remove_node(nodes[1], allow_graceful=False)
                killed = True
stories = {one.number: story([e for e in heard if e.number == one.number]) for one in jobs}
ends = [event for event in heard if isinstance(event, Finished)]
curves = {e.number: [(p.number, p.loss, p.score) for p in e.result.curve] for e in ends}
print(json.dumps({"stories": stories, "curves": curves, "ends": len(ends)}))
machines.shutdown()
"""


def test_a_machine_that_is_lost_costs_the_epoch_it_was_in(tmp_path: Path) -> None:
    space = write_space(tmp_path)
    script = tmp_path / "machines.py"
    script.write_text(MACHINES)
    temporary = Path(tempfile.mkdtemp(dir="/tmp"))
    (temporary / "ray").mkdir()

    done = subprocess.run(
        [sys.executable, str(script), str(space), str(temporary)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=400,
    )

    shutil.rmtree(temporary, ignore_errors=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["ends"] == 5
    lost = 0
    for words in told["stories"].values():
        epochs = [word for word in words if word.startswith("epoch")]
        assert epochs == [f"epoch {number}" for number in range(1, 6)]
        assert words[-1] == "complete"
        lost += sum(word.startswith("died: the loss of ") for word in words)
    assert lost == 1
    with Workers(0) as workers:
        asked = [
            job(
                space,
                int(number),
                "slow",
                seed=int(number),
                changes={"epochs": 5},
                folder=str(tmp_path / f"here-{number}"),
            )
            for number in told["curves"]
        ]
        for number, result in results(workers, *asked).items():
            assert [list(epoch) for epoch in curve(result)] == told["curves"][str(number)]


DRIVER = """
import signal, sys
from pathlib import Path
from search.cluster import Cluster
from search.job import Finished
from search.share import Share
from tests.search.jobs import job

space = Path(sys.argv[1])
is_leaving = []
signal.signal(signal.SIGINT, lambda *_: is_leaving.append(1))
cluster = Cluster(space, space.parent, 2, Share(1, 0))
print(cluster._files.path, flush=True)
for number in (0, 1):
    cluster.submit(job(space, number, "slow", changes={"epochs": int(sys.argv[2])}))
left = 2
while left and not is_leaving:
    for event in cluster.events(0.5):
        epoch = getattr(event, "epoch", None)
        told = (epoch.number, epoch.seconds) if epoch else ()
        print(event.number, type(event).__name__, *told, flush=True)
        left -= isinstance(event, Finished)
for event in cluster.close():
    print(event.number, event.result.status, len(event.result.curve), flush=True)
"""


class Driver:
    """A process with a cluster of its own at two jobs, in a process group of its own."""

    def __init__(self, space: Path, epochs: int) -> None:
        script = space.parent / "driver.py"
        script.write_text(DRIVER)
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(space), str(epochs)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
        self.files = Path(self.line()[0])

    def line(self) -> list[str]:
        assert self.process.stdout
        return self.process.stdout.readline().split()

    def both_report(self, number: int) -> None:
        """Wait until both jobs have told this epoch."""
        missing = {"0", "1"}
        while missing:
            job, word, *epoch = self.line()
            assert word in ("Started", "Reported")
            missing -= {job} if epoch[:1] == [str(number)] else set()


@pytest.fixture
def space(tmp_path: Path) -> Path:
    return write_space(tmp_path)


def gone(processes: list[int], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while any(map(is_alive, processes)) and time.monotonic() < until:
        time.sleep(0.1)
    return not any(map(is_alive, processes))


@pytest.fixture
def driver(space: Path, request: pytest.FixtureRequest) -> Iterator[Driver]:
    driver = Driver(space, getattr(request, "param", 1000))
    yield driver
    driver.process.kill()
    driver.process.communicate()


def test_closing_lets_jobs_end_their_epoch_and_leaves_nothing(space: Path) -> None:
    slow = job(space, 0, "slow", recipe="long")
    cluster = Cluster(space, space.parent, 2, Share(1, 0))
    # what trains is what was there at the start
    space.unlink()
    cluster.submit(slow)
    while not any(isinstance(event, Reported) for event in cluster.events(1)):
        pass
    processes = descendants(os.getpid())

    last = cluster.close()

    assert [(event.number, event.result.status) for event in last] == [(0, "interrupted")]
    assert list(Path(slow.folder).glob("epoch-*.state"))
    assert len(processes) > 4
    assert gone(processes)
    assert not cluster._files.path.exists()


@pytest.mark.parametrize(
    ("asked", "each", "words"),
    [
        (999, Share(1, 0), r"999 workers of 1 CPU each: .* CPUs.*; that is room for \d+$"),
        (1, Share(1, 99), r"one worker of 1 CPU and 99 GPUs each: .* there is 1 machine: \d+ CPUs"),
    ],
)
def test_more_than_there_is_is_refused_at_once_with_what_there_is(
    space: Path, asked: int, each: Share, words: str
) -> None:
    before, began = descendants(os.getpid()), time.monotonic()

    with pytest.raises(SpaceError, match=words):
        Cluster(space, space.parent, asked, each)

    assert time.monotonic() - began < 60
    assert gone([one for one in descendants(os.getpid()) if one not in before])
    assert not ray.is_initialized()


def test_ctrl_c_leaves_states_and_no_process(driver: Driver, space: Path) -> None:
    driver.both_report(2)
    processes = descendants(driver.process.pid)

    # as a terminal does, to all of the group
    os.killpg(driver.process.pid, signal.SIGINT)

    said, complaints = driver.process.communicate(timeout=60)
    assert {line.split()[1] for line in said.splitlines()[-2:]} == {"interrupted"}
    assert driver.process.returncode == 0
    assert complaints == ""
    assert len(processes) > 6
    assert gone(processes)
    assert not driver.files.exists()
    assert len(list(space.parent.glob("trials/*/epoch-*.state"))) >= 2


@pytest.mark.parametrize("driver", [40], indirect=True)
def test_a_driver_that_was_killed_is_gone_on_with(driver: Driver, space: Path) -> None:
    driver.both_report(3)
    processes = descendants(driver.process.pid)

    trained = [process for process in processes if is_training(process)]

    driver.process.kill()

    assert len(trained) == 2
    assert gone(trained)
    kept = {number: kept_in(space.parent / "trials" / number) for number in "01"}
    again = Driver(space, 40)
    said, _ = again.process.communicate(timeout=200)
    assert again.process.returncode == 0
    told: dict[str, list[list[str]]] = {"0": [], "1": []}
    for number, word, *epoch in map(str.split, said.splitlines()):
        if word == "Reported":
            told[number].append(epoch)
    for number, epochs in told.items():
        assert [epoch for epoch, _ in epochs] == [str(epoch) for epoch in range(1, 41)]
        assert 3 <= len(kept[number]) < 40
        # what was trained before is told as it was, down to the time it took
        assert [seconds for _, seconds in epochs][: len(kept[number])] == kept[number]
    assert not driver.files.exists()
    # Ray's own agents look for their parent once a minute
    assert gone(processes, 90)


def is_training(process: int) -> bool:
    return b"search.child" in Path(f"/proc/{process}/cmdline").read_bytes()


def kept_in(folder: Path) -> list[str]:
    """Return the seconds of each epoch that a training can go on after."""
    return [str(epoch.seconds) for epoch in Checkpoint(folder).curve]
