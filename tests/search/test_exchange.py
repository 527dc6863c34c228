import math
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from search.exchange import Exchange, Left, cause
from search.job import Died, Event, Finished, Reported, Started
from tests.search.jobs import job, story
from trials.epoch import Epoch
from trials.trial import Result


def epoch(number: int) -> Epoch:
    return Epoch(number, 1.0, number / 10)


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Exchange]:
    exchange = Exchange(2)
    exchange.submit(job(tmp_path / "mine.py", 7))
    yield exchange
    exchange.end()


def heard(exchange: Exchange, acts: Callable[[], object]) -> list[Event]:
    """Return what the driver hears of what another thread does."""
    other = Thread(target=acts)
    other.start()
    said = []
    while other.is_alive():
        said += exchange.events(0.01)
    return said


def test_an_event_s_teller_waits_for_what_comes_of_it(exchange: Exchange) -> None:
    answers = []

    def act() -> None:
        answers.append(exchange.tell(Started(7)))
        answers.append(exchange.tell(Reported(7, epoch(1))))
        answers.append(exchange.tell(Reported(7, epoch(2))))
        answers.append(exchange.tell(Finished(7, Result("stopped"))))

    other = Thread(target=act)
    other.start()
    said = []
    while other.is_alive():
        for event in exchange.events(0.01):
            said.append(event)
            if isinstance(event, Reported) and event.epoch.number == 2:
                time.sleep(0.05)
                assert len(answers) == 2
                exchange.stop(7)

    assert story(said) == ["started", "epoch 1", "epoch 2", "stopped"]
    assert answers == ["go on", "go on", "stopped", "go on"]
    assert not exchange.running


def test_the_next_job_is_there_before_a_worker_is_free(exchange: Exchange, tmp_path: Path) -> None:
    found = []

    def act() -> None:
        exchange.next(is_waiting=False)
        exchange.tell(Finished(7, Result("complete")))
        found.append(exchange.next(is_waiting=False))

    other = Thread(target=act)
    other.start()
    for event in exchange.events(5):
        assert isinstance(event, Finished)
    time.sleep(0.05)
    exchange.submit(job(tmp_path / "mine.py", 8))
    list(exchange.events(0.05))
    other.join()

    assert [one.number for one in found] == [8]


def test_what_a_second_worker_repeats_is_not_told_again(exchange: Exchange) -> None:
    def act() -> None:
        for number in (1, 2):
            exchange.tell(Reported(7, epoch(number)))
        exchange.lost(7, "SIGKILL")
        for number in (1, 2, 3):
            exchange.tell(Reported(7, epoch(number)))

    said = heard(exchange, act)

    assert story(said) == ["epoch 1", "epoch 2", "died: SIGKILL", "epoch 3"]


def test_a_job_that_was_stopped_stays_so_when_its_worker_dies_on_it(exchange: Exchange) -> None:
    answers = []

    def act() -> None:
        exchange.tell(Reported(7, epoch(1)))
        exchange.stop(7)
        exchange.lost(7, "SIGKILL")
        answers.append(exchange.tell(Reported(7, epoch(1))))

    heard(exchange, act)

    assert answers == ["stopped"]


def test_a_job_whose_workers_die_again_and_again_is_given_up(exchange: Exchange) -> None:
    def act() -> None:
        exchange.tell(Reported(7, epoch(1)))
        for _ in range(3):
            exchange.lost(7, "the loss of its machine")
        exchange.give_up(7, "no more")

    said = heard(exchange, act)

    assert story(said) == ["epoch 1", *["died: the loss of its machine"] * 2, "failed"]
    assert isinstance(said[-1], Finished)
    result = said[-1].result
    assert result.reason == "its worker died 3 times, the last time by the loss of its machine"
    assert (result.score, result.curve) == (None, (epoch(1),))


def test_a_worker_is_silent_long_past_its_job_s_time(
    exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.exchange.SILENCE", 0.1)
    exchange.submit(job(tmp_path / "mine.py", 8, seconds=0.1))
    silent = []

    def act() -> None:
        for number in (7, 8):
            exchange.tell(Started(number))
        silent.append(exchange.silent())
        time.sleep(0.25)
        silent.append(exchange.silent())
        exchange.lost(8, "the end of its worker")
        silent.append(exchange.silent())

    said = heard(exchange, act)

    assert silent == [[], [8], []]
    assert story(said) == ["started", "started", "died: silence long past its time"]


def test_who_leaves_hears_the_last_results(exchange: Exchange, tmp_path: Path) -> None:
    answers = []
    exchange.submit(job(tmp_path / "mine.py", 8))

    def act() -> None:
        exchange.tell(Started(7))
        answers.append(exchange.tell(Reported(7, epoch(1))))
        with suppress(Left):
            exchange.tell(Finished(7, Result("interrupted")))

    other = Thread(target=act)
    other.start()
    list(exchange.events(5))
    began = time.monotonic()

    # nobody has begun the other one, and it is not waited for
    last = exchange.leave(math.inf)

    assert story(last) == ["interrupted"]
    assert time.monotonic() - began < 5
    exchange.end()
    other.join()
    assert answers == ["interrupted"]


def test_who_leaves_waits_no_longer_than_the_grace(exchange: Exchange) -> None:
    heard(exchange, lambda: exchange.tell(Started(7)))
    began = time.monotonic()

    last = exchange.leave(0.3)

    assert last == []
    assert 0.2 < time.monotonic() - began < 2
    exchange.end()
    assert exchange.leave(10) == []
    assert time.monotonic() - began < 3


def test_the_other_thread_ends_wherever_it_waits(exchange: Exchange) -> None:
    ended = []

    def waits_for_an_answer() -> None:
        try:
            exchange.tell(Started(7))
        except Left:
            ended.append("answer")

    def waits_for_a_job() -> None:
        exchange.next(is_waiting=True)
        try:
            exchange.next(is_waiting=True)
        except Left:
            ended.append("job")

    others = [Thread(target=waits_for_an_answer), Thread(target=waits_for_a_job)]
    for other in others:
        other.start()
    time.sleep(0.05)

    exchange.end()

    for other in others:
        other.join(5)
    assert sorted(ended) == ["answer", "job"]
    with pytest.raises(Left):
        exchange.pass_by()


def test_an_error_of_the_other_thread_is_the_driver_s(exchange: Exchange) -> None:
    exchange.fail(ConnectionError("the cluster is gone"))

    with pytest.raises(ConnectionError, match="the cluster is gone"):
        list(exchange.events(1))


def test_there_is_no_room_for_a_third_job(exchange: Exchange, tmp_path: Path) -> None:
    exchange.submit(job(tmp_path / "mine.py", 8))

    with pytest.raises(RuntimeError, match="no worker is free for job 9"):
        exchange.submit(job(tmp_path / "mine.py", 9))


def test_nothing_of_it_is_pickled(exchange: Exchange) -> None:
    assert b"mine.py" not in pickle.dumps(exchange)


def test_an_event_of_a_job_that_has_ended_is_not_told(exchange: Exchange) -> None:
    assert exchange.tell(Died(3, "SIGKILL")) == "interrupted"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            "Failure # 1 (occurred at 2026-11-21_13-12-00)\nThe actor died unexpectedly before "
            "finishing this task.\n\tclass_name: Training\n\tnode: its worker has died.\n",
            "the end of its worker",
        ),
        (
            "Failure # 1 (occurred …)\nThe actor died unexpectedly\nFailure # 2 (occurred …)\n"
            "The actor is dead because its node has died. Node Id: 0afe\n\tthe actor's node was …",
            "the loss of its machine",
        ),
        (
            "Failure # 1 (occurred at …)\nTraceback (most recent call last):\n  File …\n"
            "RuntimeError: the code that was sent did not arrive as it was\n",
            "RuntimeError: the code that was sent did not arrive as it was",
        ),
        (
            "Failure # 1 (occurred …)\nThe actor 7eb2 is unavailable: RpcError: Socket closed.",
            "the loss of the way to it",
        ),
        ("", "nothing that was told"),
    ],
)
def test_what_a_worker_went_of_is_told_in_a_line(told: str, words: str) -> None:
    assert cause(told) == words
