import itertools
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Timer

import pytest

from search.job import Died, Event, Finished, Job, Reported
from search.machine import visible
from search.workers import Workers
from tests.search.jobs import curve, events, is_alive, job, results, story, write_space

ROOT = Path(__file__).parent.parent.parent
Make = Callable[..., Job]
numbers = itertools.count()


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_space(tmp_path_factory.mktemp("space"))


@pytest.fixture
def make(space: Path) -> Make:
    return lambda *given, **changes: job(space, next(numbers), *given, **changes)


@pytest.fixture(scope="module")
def one() -> Iterator[Workers]:
    """Yield a worker for the tests that it survives."""
    with Workers(1) as workers:
        yield workers


def process(workers: Workers) -> int:
    return workers._apart[0].child.number


def test_a_job_is_told_epoch_by_epoch(one: Workers, make: Make) -> None:
    asked = make()

    heard = list(events(one, asked))

    assert story(heard) == ["started", "epoch 1", "epoch 2", "complete"]
    assert {event.number for event in heard} == {asked.number}
    last = heard[-1]
    assert isinstance(last, Finished)
    assert [epoch.score for epoch in last.result.curve][-1] == last.result.score
    assert sorted(path.name for path in Path(asked.folder).iterdir()) == [
        "finished.state",
        "weights.state",
    ]


def test_a_job_stops_at_the_epoch_it_is_told_to(one: Workers, make: Make) -> None:
    asked = make(recipe="long")
    heard: list[Event] = []

    for event in events(one, asked):
        heard.append(event)
        if isinstance(event, Reported) and event.epoch.number == 3:
            one.stop(event.number)

    assert story(heard) == ["started", "epoch 1", "epoch 2", "epoch 3", "stopped"]
    assert isinstance(heard[-1], Finished)
    assert heard[-1].result.score is None
    assert len(heard[-1].result.curve) == 3


@pytest.mark.parametrize("count", [0, 1])
def test_what_is_said_after_the_last_epoch_comes_too_late(count: int, make: Make) -> None:
    heard: list[Event] = []

    with Workers(count) as workers:
        for event in events(workers, make(), make()):
            heard.append(event)
            if isinstance(event, Reported) and event.epoch.number == 2:
                workers.stop(event.number)

    assert story(heard) == ["started", "epoch 1", "epoch 2", "complete"] * 2


def test_a_worker_never_waits_for_one_who_has_stopped_listening(one: Workers, make: Make) -> None:
    one.submit(make())
    while not one.free():
        for event in one.events(1):
            if isinstance(event, Reported):
                break

    assert one.free() == 1


def test_what_a_module_raises_is_a_result(one: Workers, make: Make) -> None:
    before = process(one)

    heard = list(events(one, make("raise"), make("leave")))

    assert story(heard) == ["started", "failed"] * 2
    raised, left = (event.result for event in heard if isinstance(event, Finished))
    assert raised.reason == "RuntimeError: 4 channels are not for me"
    assert "trouble.py" in raised.details
    assert left.reason == "SystemExit: enough"
    assert process(one) == before


def test_a_network_that_the_file_does_not_offer_is_a_result(one: Workers, make: Make) -> None:
    result = next(iter(results(one, make("CBAM")).values()))

    assert result.status == "failed"
    assert "gate = 'CBAM'" in result.reason


def test_a_training_whose_time_is_up_ends_by_itself(one: Workers, make: Make) -> None:
    before = process(one)

    result = next(iter(results(one, make("slow", recipe="long", seconds=1)).values()))

    assert (result.status, process(one)) == ("timed out", before)
    assert result.reason.startswith("the time was up")


def test_what_a_module_prints_lies_beside_its_states(
    one: Workers, make: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = make("print")

    results(one, asked)

    assert (Path(asked.folder) / "output.txt").read_text().startswith("here I am\n")
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_cannot_be_made_is_a_result(one: Workers, make: Make, space: Path) -> None:
    result = next(iter(results(one, make(folder=str(space / "trial"))).values()))

    assert result.status == "failed"
    assert result.reason.startswith("NotADirectoryError")


def test_epochs_and_results_cross_the_border_as_numbers(one: Workers, make: Make) -> None:
    *reported, finished = events(one, make(recipe="strange"))

    epoch = reported[-1].epoch
    assert (type(epoch.loss), type(epoch.score), epoch.score) == (float, float, 0.5)
    assert epoch.classes == (0.0, 0.0)
    assert (type(finished.result.score), finished.result.metric) == (float, "luck")
    assert finished.result.curve[-1] == epoch


def test_images_are_loaded_once_per_worker(one: Workers, make: Make, space: Path) -> None:
    counted = partial(make, recipe="counted", shape=(3, 8, 8), classes=10)
    results(one, counted())
    loads = (space.parent / "loads").read_text()

    again = results(one, counted(), counted(None))

    assert {result.status for result in again.values()} == {"complete"}
    assert (space.parent / "loads").read_text() == loads
    assert set(loads.split()) == {str(process(one))}


def test_there_is_no_room_for_a_second_job(one: Workers, make: Make) -> None:
    asked = make()
    one.submit(asked)

    with pytest.raises(RuntimeError, match="no worker is free for job"):
        one.submit(make())

    while not one.free():
        list(one.events(1))


def test_an_idle_worker_that_was_killed_is_replaced_for_the_next_job(make: Make) -> None:
    with Workers(1) as workers:
        os.kill(process(workers), signal.SIGKILL)
        workers._apart[0].child._process.wait()

        heard = list(events(workers, make()))

    assert story(heard) == ["started", "epoch 1", "epoch 2", "complete"]


@pytest.mark.slow
def test_any_number_of_workers_come_to_the_same_results(make: Make) -> None:
    asked = [make(gate, seed=seed) for gate in (None, "SE") for seed in (0, 1)]
    asked.append(replace(make(), choices={}, baseline="plain"))
    found = []
    for count in (0, 1, 2):
        moved = [replace(one, folder=f"{one.folder}-{count}") for one in asked]
        with Workers(count) as workers:
            found.append(results(workers, *moved))

    here, single, double = ({number: curve(one) for number, one in all.items()} for all in found)

    assert here == single == double
    assert len({str(one) for one in here.values()}) == 4
    assert here[asked[0].number] == here[asked[-1].number]
    assert {one.status for all in found for one in all.values()} == {"complete"}


@pytest.mark.slow
def test_a_worker_killed_within_an_epoch_loses_nothing_before_it(make: Make) -> None:
    asked = make("slow", changes={"epochs": 5})
    states = Path(asked.folder) / "epoch-00003.state"
    heard: list[Event] = []

    with Workers(1) as workers:
        for event in events(workers, asked):
            heard.append(event)
            if len(heard) in (3, 6):  # the second epoch of the first process, then of the second
                Timer(0.1, os.kill, (process(workers), signal.SIGKILL)).start()
            if isinstance(event, Died) and len(heard) > 4:
                assert states.exists()
    with Workers(0) as workers:
        undisturbed = results(workers, replace(asked, folder=f"{asked.folder}-0"))

    assert story(heard) == [
        *("started", "epoch 1", "epoch 2", "died: SIGKILL"),
        *("started", "epoch 3", "died: SIGKILL"),
        *("started", "epoch 4", "epoch 5", "complete"),
    ]
    assert isinstance(heard[-1], Finished)
    assert curve(heard[-1].result) == curve(undisturbed[asked.number])


@pytest.mark.slow
def test_a_process_that_leaves_is_replaced_and_its_job_tried_again(make: Make, space: Path) -> None:
    with Workers(1) as workers:
        heard = list(events(workers, make("exit once")))

    words = ["started", "died: exit code 7", "started", "epoch 1", "epoch 2", "complete"]
    assert story(heard) == words
    assert not is_alive(int((space.parent / "done").read_text()))


@pytest.mark.slow
def test_a_segmentation_fault_is_a_result_after_two_more_tries(make: Make) -> None:
    with Workers(1) as workers:
        heard = list(events(workers, make("segfault")))
        after = next(iter(results(workers, make()).values()))

    assert story(heard) == ["started", "died: SIGSEGV"] * 2 + ["started", "failed"]
    assert isinstance(heard[-1], Finished)
    assert heard[-1].result.reason == "its process died 3 times, the last time by SIGSEGV"
    assert "trouble.py" in heard[-1].result.details
    assert after.status == "complete"


@pytest.mark.slow
def test_a_training_that_hangs_is_killed_with_all_it_started(make: Make, space: Path) -> None:
    with Workers(1) as workers:
        before = process(workers)
        results(workers, make())
        heard = list(events(workers, make("hang", seconds=1)))
        sleeper = int((space.parent / "sleeper").read_text())
        after = next(iter(results(workers, make()).values()))

    assert story(heard) == ["started", "timed out"]
    assert isinstance(heard[-1], Finished)
    assert heard[-1].result.reason == "it hung in epoch 1, 5 s after its 1 s, and was killed"
    assert "trouble.py" in heard[-1].result.details
    assert not is_alive(before)
    assert not is_alive(sleeper)
    assert after.status == "complete"


@pytest.mark.slow
def test_closing_lets_jobs_end_their_epoch_and_leaves_no_process(make: Make) -> None:
    slow, longer = make("slow", recipe="long"), make("slow", recipe="long", changes={"batch": 1})
    workers = Workers(2)
    processes = [slot.child.number for slot in workers._apart]
    workers.submit(slow)
    workers.submit(longer)
    while not any(isinstance(event, Reported) for event in workers.events(1)):
        pass
    began = time.monotonic()

    last = workers.close(grace=3)

    assert 2.5 < time.monotonic() - began < 4.5
    assert [(event.number, event.result.status) for event in last] == [(slow.number, "interrupted")]
    assert not any(map(is_alive, processes))
    assert list(Path(slow.folder).glob("epoch-*.state"))


def test_closing_waits_for_a_job_that_may_take_for_ever(make: Make) -> None:
    job = make("slow", recipe="long", seconds=math.inf)
    workers = Workers(1)
    workers.submit(job)
    while not any(isinstance(event, Reported) for event in workers.events(1)):
        pass

    last = workers.close(grace=math.inf)

    assert [(event.number, event.result.status) for event in last] == [(job.number, "interrupted")]


def test_closing_without_grace_leaves_no_process_either() -> None:
    workers = Workers(2)
    processes = [slot.child.number for slot in workers._apart]

    assert workers.close(grace=0) == []

    assert not any(map(is_alive, processes))
    assert workers.free() == 0


@pytest.mark.slow
def test_each_worker_sees_a_gpu_of_its_own(make: Make) -> None:
    with Workers(3, gpus=["3", "GPU-5c"]) as workers:
        found = results(workers, *(make(recipe="strange", device="cpu") for _ in range(3)))

    assert sorted(result.flags for result in found.values()) == [("3",), ("3",), ("GPU-5c",)]


@pytest.mark.parametrize(
    ("count", "names", "expected"),
    [(2, None, ["0", "1"]), (2, "4,6", ["4", "6"]), (1, "GPU-a,-1,2", ["GPU-a"]), (0, "", [])],
)
def test_gpus_keep_the_names_that_were_given(
    count: int, names: str | None, expected: list[str]
) -> None:
    assert visible(count, names) == expected


DRIVER = """
import sys
from pathlib import Path
from search.workers import Workers
from tests.search.jobs import job

# no `if __name__ == "__main__"`: a worker does not run this file
workers = Workers(2)
print(*(slot.child.number for slot in workers._apart), flush=True)
for number in (0, 1):
    workers.submit(job(Path(sys.argv[1]), f"{sys.argv[2]}-{number}", "slow", recipe="long"))
try:
    while True:
        for event in workers.events(1):
            print(event.number, type(event).__name__, flush=True)
except KeyboardInterrupt:
    print(*(event.result.status for event in workers.close()), flush=True)
"""


class Driver:
    """A process with two workers at long jobs, in a process group of its own."""

    def __init__(self, space: Path, script: Path) -> None:
        script.write_text(DRIVER)
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(space), str(next(numbers))],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
        self.workers = [int(number) for number in self.line().split()]

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def both_report(self) -> None:
        """Wait until each job has reported an epoch from now on."""
        missing = {"0", "1"}
        while missing:
            number, word = self.line().split()
            assert word in ("Started", "Reported")
            missing -= {number.rpartition("-")[2]} if word == "Reported" else set()


@pytest.fixture
def driver(space: Path, tmp_path: Path) -> Iterator[Driver]:
    driver = Driver(space, tmp_path / "driver.py")
    yield driver
    driver.process.kill()
    driver.process.communicate()


@pytest.mark.slow
def test_signals_are_the_driver_s_to_answer(driver: Driver) -> None:
    driver.both_report()
    for worker in driver.workers:
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            os.kill(worker, name)
    driver.both_report()

    os.killpg(driver.process.pid, signal.SIGINT)

    said, _ = driver.process.communicate(timeout=30)
    assert said.splitlines()[-1] == "interrupted interrupted"
    assert "Died" not in said
    assert not any(map(is_alive, driver.workers))


@pytest.mark.slow
def test_workers_do_not_outlive_a_driver_that_is_killed(driver: Driver) -> None:
    driver.both_report()

    driver.process.kill()

    until = time.monotonic() + 5
    while any(map(is_alive, driver.workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(is_alive, driver.workers))


def test_a_driver_starts_its_workers_before_it_imports_torch() -> None:
    code = "import sys, search.workers; print('torch' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert done.stdout == "False\n"
