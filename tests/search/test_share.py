from pathlib import Path

import pytest

from search import share
from search.share import Room, Share, offered, refuse_strange, workers
from spaces import SpaceError
from tests.search.jobs import job

BIG = {"CPU": 8.0, "GPU": 2.0}
SMALL = {"CPU": 4.0}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Share(1, 0), 8),
        (Share(3, 0), 2),
        (Share(1, 1), 2),
        (Share(1, 0.25), 8),
        (Share(2, 0.25), 4),
        (Share(1, 0.3), 6),
        (Share(1, 0.34), 4),
        (Share(1, 1 / 3), 6),
        (Share(1, 2), 1),
        (Share(1, 3), 0),
        (Share(9, 0), 0),
    ],
)
def test_a_machine_holds_whole_shares(given: Share, expected: int) -> None:
    assert given.within(BIG) == expected


def test_a_cluster_holds_what_its_machines_hold_each() -> None:
    assert workers([BIG, SMALL, SMALL], Share(3, 0), None) == 4
    assert workers([BIG, SMALL, SMALL], Share(3, 0), 4) == 4
    assert workers([BIG, SMALL], Share(1, 0), 1) == 1


@pytest.mark.parametrize(
    ("given", "asked", "words"),
    [
        (
            Share(1, 0.25),
            9,
            "9 workers of 1 CPU and 0.25 GPU each: there is no room for that; there is "
            "2 machines: 8 CPUs + 2 GPUs, 4 CPUs; that is room for 8",
        ),
        (
            Share(2, 3),
            None,
            "one worker of 2 CPUs and 3 GPUs each: there is no room for that; there is "
            "2 machines: 8 CPUs + 2 GPUs, 4 CPUs",
        ),
    ],
)
def test_more_than_there_is_is_refused_with_what_there_is(
    given: Share, asked: int | None, words: str
) -> None:
    with pytest.raises(SpaceError) as refused:
        workers([BIG, SMALL], given, asked)

    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("cpus", "gpus", "words"),
    [
        (0, None, "0 CPUs per trial train nothing; a trial takes 1 or more"),
        (1, 1.5, "1.5 GPUs per trial cannot be had; a trial takes a part of one, as 0.25, or"),
        (1, -1, "-1 GPUs per trial cannot be had"),
    ],
)
def test_a_share_that_nobody_can_have_is_refused(cpus: int, gpus: float, words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        Share(cpus, gpus)


def test_a_training_has_a_gpu_where_there_are_any_unless_it_is_said() -> None:
    assert Share().for_machines([SMALL, BIG]).gpus == 1
    assert Share().for_machines([SMALL]).gpus == 0
    assert Share(1, 0).for_machines([BIG]).gpus == 0
    assert Share(1, 0.5).for_machines([BIG]).gpus == 0.5


def test_a_job_is_told_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    asked = job(tmp_path / "mine.py", folder="trials/0", root="images")

    held = Share(3, 2).of(asked)
    without = Share(1, 0).of(asked)

    assert (held.threads, held.processes, held.device) == (3, 2, "auto")
    assert (held.folder, held.root) == (str(tmp_path / "trials/0"), str(tmp_path / "images"))
    assert (without.threads, without.processes, without.device) == (1, 1, "cpu")
    assert Share(1, 0.5).of(asked).processes == 1


def test_a_cluster_without_room_is_given_up_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(share.time, "monotonic", lambda: now[0])
    room = Room(Share(8, 0))
    looks: list[float] = []

    def at(seconds: float, *nodes: dict[str, float]) -> None:
        now[0] = seconds
        room.look(lambda: looks.append(seconds) or list(nodes))

    at(5, SMALL)
    at(60, SMALL)
    at(119, BIG)
    at(200, SMALL)

    assert looks == [60, 119, 200]
    with pytest.raises(SpaceError, match="no machine of the cluster has room for 8 CPUs any more"):
        at(240)


def test_a_machine_that_computes_otherwise_or_keeps_states_elsewhere_is_refused() -> None:
    with pytest.raises(SpaceError, match=r"node-7 has torch 1\.0, this machine "):
        refuse_strange("node-7", "1.0", None)
    with pytest.raises(SpaceError, match=r"node-7 has no torch, this machine \d"):
        refuse_strange("node-7", "", None)
    with pytest.raises(SpaceError, match="node-7 does not see /runs/mine; put the run on storage"):
        refuse_strange("node-7", share.version("torch"), Path("/runs/mine"))

    refuse_strange("node-7", share.version("torch"), None)


def test_machines_are_told_one_by_one() -> None:
    assert offered([]) == "0 machines: nothing"
    assert offered([SMALL]) == "1 machine: 4 CPUs"
