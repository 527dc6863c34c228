"""The driver's loop with an executor that does at once what it is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from search.job import Died, Event, Finished, Job, Reported, Started
from search.loop import Loop, RepeatedError
from search.study import Study
from tests.search.studies import SEEDS, listed, result, score, stored, train, written
from trials.epoch import Epoch
from trials.trial import Result


class Instant:
    """Two workers; a job's end is made from its number by `outcome`."""

    def __init__(self, outcome) -> None:
        self.jobs: list[Job] = []
        self.stopped: set[int] = set()
        self.outcome = outcome

    def free(self) -> int:
        return 2 - len(self.jobs)

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def stop(self, number: int) -> None:
        self.stopped.add(number)

    def events(self, timeout: float) -> Iterator[Event]:
        job = self.jobs[0]
        yield Started(job.number)
        end = self.outcome(job.number)
        for epoch in end.curve:
            is_last = end.status == "complete" and epoch is end.curve[-1]
            yield Reported(job.number, epoch, is_last)
            if job.number in self.stopped and not is_last:
                end = Result("stopped", "its reader left", curve=end.curve[: epoch.number])
                break
        self.jobs.pop(0)
        yield Finished(job.number, end)

    def close(self, grace: float) -> list[Finished]:
        held, self.jobs = self.jobs, []
        return [Finished(job.number, Result("interrupted")) for job in held]


@pytest.fixture
def study(tmp_path: Path):
    held = Study.open(written(tmp_path, SEEDS), str(tmp_path / "study.db"))
    yield held
    held.close()


def looped(study: Study, outcome, told: list, **rest) -> Loop:
    return Loop(
        study,
        Instant(outcome),
        lambda proposal: Job(proposal.number, "", "", {}, proposal.name, proposal.seed, ""),
        lambda event, **facts: told.append((event, facts)),
        **rest,
    )


def test_it_comes_to_what_one_training_after_another_comes_to(study: Study, tmp_path: Path) -> None:
    other = Study.open(written(tmp_path / "other", SEEDS), str(tmp_path / "other.db"))
    train(other)
    told: list = []
    loop = looped(study, lambda number: result(score(loop.running[number])), told)

    loop.run(study.ask, lambda: False)

    assert sorted(listed(study), key=str) == sorted(listed(other), key=str)
    assert [event for event, _ in told].count("finished") == len(listed(study))
    assert not loop.running
    other.close()


def test_one_that_is_stopped_is_told_with_its_reason(study: Study) -> None:
    told: list = []
    loop = looped(
        study,
        lambda number: result(0.5),
        told,
        stop=lambda proposal, epoch: "worse than others" if not proposal.name else "",
    )

    loop.run(study.ask, lambda: False)

    rows = [row for row in study.rows() if not row.name]
    assert {(row.status, row.reason) for row in rows} == {("stopped", "worse than others")}
    assert {len(row.curve) for row in rows} == {1}
    assert study.best() is None


def test_the_last_epoch_is_put_down_with_the_end(study: Study, tmp_path: Path) -> None:
    points: list[set[int]] = []

    def note(event: str, **facts: object) -> None:
        if facts.get("epoch") == 2:
            points.append(set(stored(tmp_path).trials[facts["number"]].intermediate_values))

    loop = looped(study, lambda number: result(0.5), [])
    loop._watch = note

    loop.run(study.ask, lambda: False)

    trials = stored(tmp_path).trials
    assert points == [{1}] * len(trials)
    assert all(trial.intermediate_values == {1: 0.25, 2: 0.5} for trial in trials)


def test_when_it_is_time_to_leave_what_runs_is_put_down(study: Study) -> None:
    told: list = []
    loop = looped(study, lambda number: result(0.5), told)
    asked = iter([False] * 6 + [True] * 100)

    loop.run(study.ask, lambda: next(asked))
    running = set(loop.running)
    loop.leave(1.0)

    assert running
    assert not loop.running
    states = {row.number: row.status for row in study.rows()}
    assert {states[number] for number in running} == {"interrupted"}
    assert {proposal.number for proposal in study.interrupted()} == running


def test_one_reason_five_times_in_a_row_ends_the_run(study: Study) -> None:
    loop = looped(study, lambda number: Result("failed", "a bug", details="Traceback: a bug"), [])

    with pytest.raises(RepeatedError, match=r"(?s)5 trainings in a row.*a bug.*Traceback"):
        loop.run(study.ask, lambda: False)


def test_a_baseline_that_ends_well_between_failures_changes_nothing(study: Study) -> None:
    asked = list(iter(study.ask, None))
    searched = [proposal for proposal in asked if not proposal.name]
    plain = next(proposal for proposal in asked if proposal.name)
    told: list = []

    def outcome(number: int) -> Result:
        return result(0.5) if number == plain.number else Result("failed", "a bug")

    loop = looped(study, outcome, told)

    with pytest.raises(RepeatedError, match="5 trainings in a row"):
        loop.run(lambda: None, lambda: False, first=[*searched[:3], plain, *searched[3:]])
    ended = [facts["status"] for event, facts in told if event == "finished"]
    assert ended == ["failed"] * 3 + ["complete"] + ["failed"] * 2


def test_other_failures_and_ends_between_do_not(study: Study) -> None:
    ends = [Result("failed", "one"), Result("failed", "another"), result(0.5)]
    loop = looped(study, lambda number: ends[number % 3], [])

    loop.run(study.ask, lambda: False)

    assert {row.status for row in study.rows()} >= {"failed", "complete"}


def test_a_network_that_cannot_be_measured_has_failed(study: Study) -> None:
    def measure(proposal) -> dict[str, float]:
        raise RuntimeError("no clock")

    loop = looped(study, lambda number: result(0.1 + number / 100), [], measure=measure)

    with pytest.raises(RepeatedError, match="cannot be measured: RuntimeError: no clock"):
        loop.run(study.ask, lambda: False)


def test_a_lost_worker_is_told_of(study: Study) -> None:
    told: list = []
    loop = looped(study, lambda number: result(0.5), told)
    executor = loop._executor
    inner = executor.events

    def events(timeout: float) -> Iterator[Event]:
        yield Died(executor.jobs[0].number, "SIGKILL")
        yield from inner(timeout)

    executor.events = events
    loop.run(study.ask, lambda: False)

    assert ("died", {"number": 0, "reason": "SIGKILL"}) in told
    assert Epoch(1, 1.0, 0.25) in study.rows()[0].curve
