import itertools
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import ray
from ray._private.utils import publish_error_to_driver

from search.cluster import Cluster
from search.job import Died, Event, Finished, Job, Reported
from search.share import Share
from search.workers import Workers
from spaces import SpaceError
from tests.search.jobs import curve, descendants, events, job, results, story, write_space

pytestmark = [
    pytest.mark.slow,
    # Ray leaves files and sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
Make = Callable[..., Job]
numbers = itertools.count()


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_space(tmp_path_factory.mktemp("space"))


@pytest.fixture
def make(space: Path) -> Make:
    return lambda *given, **changes: job(space, next(numbers), *given, **changes)


@pytest.fixture(scope="module")
def two(space: Path) -> Iterator[Cluster]:
    """Yield two workers for the tests that they survive."""
    with closing(Cluster(space, space.parent, 2, Share(1, 0))) as cluster:
        yield cluster


def test_jobs_come_to_what_local_workers_come_to(two: Cluster, make: Make) -> None:
    asked = [make(gate, seed=seed) for gate in (None, "SE") for seed in (0, 1)]
    asked.append(replace(make(), choices={}, baseline="plain"))
    asked += [make("raise"), make("leave"), make("CBAM")]

    there = results(two, *asked)

    with Workers(2) as workers:
        here = results(workers, *(replace(one, folder=f"{one.folder}-here") for one in asked))
    for number, result in here.items():
        plain = {"seconds": 0.0, "curve": (), "details": ""}
        assert replace(there[number], **plain) == replace(result, **plain)
        assert curve(there[number]) == curve(result)
    assert {result.status for result in here.values()} == {"complete", "failed"}
    assert "trouble.py" in there[asked[5].number].details


def test_a_job_is_told_epoch_by_epoch_and_keeps_its_weights(two: Cluster, make: Make) -> None:
    asked = make()

    heard = list(events(two, asked))

    assert story(heard) == ["started", "epoch 1", "epoch 2", "complete"]
    assert (Path(asked.folder) / "weights.state").exists()


def test_a_job_stops_at_the_epoch_it_is_told_to(two: Cluster, make: Make) -> None:
    heard: list[Event] = []

    for event in events(two, make(recipe="long"), make()):
        heard.append(event)
        if isinstance(event, Reported) and event.epoch.number == 3:
            two.stop(event.number)

    long = [event for event in heard if event.number == heard[0].number]
    assert story(long) == ["started", "epoch 1", "epoch 2", "epoch 3", "stopped"]
    assert isinstance(long[-1], Finished)
    assert (long[-1].result.score, len(long[-1].result.curve)) == (None, 3)


def test_a_process_that_leaves_is_replaced_and_its_job_tried_again(
    two: Cluster, make: Make
) -> None:
    heard = list(events(two, make("exit")))

    assert story(heard) == ["started", "died: exit code 7"] * 2 + ["started", "failed"]
    assert isinstance(heard[-1], Finished)
    assert heard[-1].result.reason == "its process died 3 times, the last time by exit code 7"


def test_a_training_that_hangs_is_killed_at_its_time(two: Cluster, make: Make) -> None:
    heard = list(events(two, make("hang", seconds=1), make()))

    hung = [event for event in heard if event.number == heard[0].number]
    assert isinstance(hung[-1], Finished)
    assert hung[-1].result.reason == "it hung in epoch 1, 5 s after its 1 s, and was killed"


def test_images_are_loaded_once_for_all_workers(two: Cluster, make: Make, space: Path) -> None:
    counted = partial(make, recipe="counted", shape=(3, 8, 8), classes=10)

    done = results(two, *(counted() for _ in range(6)))

    loads = next(Path(two._files.path).rglob("code-*/space/loads")).read_text().split()
    assert {result.status for result in done.values()} == {"complete"}
    # each process asks for the classes, one for the images
    assert len(loads) == len(set(loads)) + 1 <= 3
    assert len(list(two._files.path.rglob("*.images"))) >= 1


def test_a_worker_of_ray_that_is_killed_goes_on_from_the_last_epoch(
    two: Cluster, make: Make
) -> None:
    asked = make("slow", changes={"epochs": 5})

    heard = disturbed(two, asked, signal.SIGKILL, after=3)

    assert story(heard)[:3] == ["started", "epoch 1", "epoch 2"]
    assert isinstance(heard[3], Died)
    assert heard[3].reason == "the end of its worker"
    assert story(heard)[4:] == ["started", "epoch 3", "epoch 4", "epoch 5", "complete"]
    with Workers(0) as workers:
        undisturbed = results(workers, replace(asked, folder=f"{asked.folder}-0"))
    assert isinstance(heard[-1], Finished)
    assert curve(heard[-1].result) == curve(undisturbed[asked.number])


def test_a_worker_of_ray_that_is_frozen_is_replaced(
    two: Cluster, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.exchange.SILENCE", 1.0)
    asked = make("slow", changes={"epochs": 5}, seconds=10)

    heard = disturbed(two, asked, signal.SIGSTOP, after=2)

    assert story(heard)[:3] == ["started", "epoch 1", "died: silence long past its time"]
    assert story(heard)[3:] == ["started", *(f"epoch {n}" for n in range(2, 6)), "complete"]


def disturbed(cluster: Cluster, asked: Job, sign: signal.Signals, after: int) -> list[Event]:
    """Do a job, and signal the processes that Ray trains in after so many events."""
    heard: list[Event] = []
    for event in events(cluster, asked):
        heard.append(event)
        for process in descendants(os.getpid()) if len(heard) == after else ():
            # as Ray calls them between two steps, and during one
            told = Path(f"/proc/{process}/cmdline").read_bytes()
            if told.startswith((b"ray::Training", b"ray::ResourceTrainable")):
                os.kill(process, sign)
    return heard


def test_neither_ray_nor_a_job_prints(
    two: Cluster, make: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = make("print")

    results(two, asked)

    assert (Path(asked.folder) / "output.txt").read_text().startswith("here I am\n")
    assert capfd.readouterr() == ("", "")


def test_what_a_machine_complains_of_is_not_printed(
    two: Cluster, make: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    publish_error_to_driver(
        "complaint",
        "64 processes have been started",
        gcs_client=ray._private.worker.global_worker.gcs_client,
    )

    # the complaint comes along with the rest
    results(two, make(), make())

    assert capfd.readouterr() == ("", "")


def test_its_token_is_in_no_file_and_on_no_command_line(two: Cluster) -> None:
    token = os.environ["RAY_AUTH_TOKEN"].encode()

    told = [Path(f"/proc/{one}/cmdline").read_bytes() for one in descendants(os.getpid())]
    kept = [path.read_bytes() for path in two._files.path.rglob("*") if path.is_file()]

    assert len(told) > 4
    assert not any(token in text for text in [*told, *kept])
    assert two._files.path.stat().st_mode & 0o777 == 0o700


def test_a_process_has_one_cluster_at_a_time(two: Cluster, space: Path, make: Make) -> None:
    with pytest.raises(SpaceError, match="this process has a Ray cluster already"):
        Cluster(space, space.parent)

    assert next(iter(results(two, make()).values())).status == "complete"
