"""Which workers a verb gets by its options: none, this machine's own, or a cluster's."""

from collections.abc import Sequence

import pytest

import search.machine
import search.workers
from search.cli import parser
from search.commands import machine


class Local:
    """Workers of this machine that start no process."""

    def __init__(self, count: int, gpus: Sequence[str]) -> None:
        self.told = count, list(gpus)

    def __enter__(self) -> "Local":
        return self

    def __exit__(self, *error: object) -> None:
        pass


@pytest.fixture
def staff(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(search.workers, "Workers", Local)
    monkeypatch.setattr(search.machine, "cores", lambda: 3)
    monkeypatch.setattr(machine, "on_ray", lambda parsed, find, drive: "cluster")

    def by(words: str, gpus: Sequence[str] = ()) -> object:
        monkeypatch.setattr(search.machine, "gpus", lambda device: list(gpus))
        parsed = parser().parse_args(words.split())
        return machine.staffed(parsed, None, lambda _, who, count: (who and who.told, count))

    return by


@pytest.mark.parametrize("verb", ["run", "ablate", "confirm"])
def test_workers_are_one_a_core_or_gpu_and_several_gpus_are_ray_s(staff, verb: str) -> None:
    space = f"{verb} gates"

    assert staff(space) == ((3, []), 3)
    assert staff(f"{space} --workers 0") == ((0, []), 0)
    assert staff(space, ["0"]) == ((1, ["0"]), 1)
    assert staff(space, ["0", "1"]) == "cluster"
    assert staff(f"{space} --workers 2", ["0", "1"]) == ((2, ["0", "1"]), 2)
    for words in ("--ray", "--address auto", "--gpus-per-trial 0.25"):
        assert staff(f"{space} {words}", ["0"]) == "cluster"
    assert staff(f"{space} --ray --dry-run", ["0", "1"]) == (None, 2)
