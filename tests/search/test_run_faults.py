"""`search run` on a disk that fills up, and on a database that another process holds."""

import os
import sqlite3
import time
from pathlib import Path

import pytest

from tests.search.runs import SPACE as SHORT
from tests.search.runs import begun, ended, events, ran, small_disk, trained, wait_for, write

pytestmark = pytest.mark.slow
RUN = Path("runs/mine/quick")
SPACE = SHORT.replace("epochs=2", "epochs=9")


def filled(ballast: Path) -> None:
    with pytest.raises(OSError, match="No space left"), ballast.open("wb", 0) as file:
        while True:
            file.write(bytes(4096))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_ends_a_run_in_words_and_the_same_command_goes_on(tmp_path: Path) -> None:
    space = write(tmp_path, SPACE)
    with small_disk(tmp_path / "disk", "6m") as disk:
        arguments = ("run", space, "--out", disk / "run")
        process = begun(*arguments, cwd=tmp_path)
        with ended(process):
            wait_for(disk / "run", "finished", 1)
            filled(disk / "ballast")
            _, err = process.communicate(timeout=120)
        (disk / "ballast").unlink()
        before = trained(disk / "run")
        ran(*arguments, cwd=tmp_path)

        finished = [event["number"] for event in events(disk / "run", "finished")]
        assert process.returncode
        assert "study.db: database or disk is full" in err
        assert "Traceback" not in err
        assert len(before) >= 1
        assert set(before) < set(trained(disk / "run"))
        assert len(finished) == len(set(finished)) == 7


def test_a_database_that_is_held_for_a_while_delays_a_run_and_loses_nothing(
    tmp_path: Path,
) -> None:
    process = begun("run", write(tmp_path, SPACE), cwd=tmp_path)
    with ended(process):
        wait_for(tmp_path / RUN, "finished", 1)
        holder = sqlite3.connect(tmp_path / RUN / "study.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        time.sleep(8)
        holder.rollback()
        holder.close()
        out, err = process.communicate(timeout=200)

    assert process.returncode == 0, out + err
    assert len(trained(tmp_path / RUN)) == 7


def test_local_time_that_goes_back_between_two_halves_changes_nothing(tmp_path: Path) -> None:
    space = write(tmp_path, SHORT)
    ran("run", space, "--trials", 3, cwd=tmp_path, TZ="Pacific/Auckland")

    before = trained(tmp_path / RUN)
    ran("run", space, cwd=tmp_path, TZ="Pacific/Honolulu")

    finished = events(tmp_path / RUN, "finished")
    assert sorted(event["number"] for event in finished) == list(range(7))
    assert all(event["seconds"] >= 0 for event in finished)
    assert set(before) < set(trained(tmp_path / RUN))
