"""Databases that are not what they should be, in words; locks that end with their holder."""

import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from search.storage import SQLite, hidden, is_over_network
from search.study import Study
from spaces import SpaceError
from tests.search.runs import small_disk
from tests.search.studies import finish, listed, process, train, written


def refused(folder: Path, storage: str) -> str:
    """Open a study where that cannot go well, and return what is said."""
    with pytest.raises(SpaceError) as error:
        Study.open(written(folder), storage)
    assert "\n" not in str(error.value)
    return str(error.value)


def studied(folder: Path) -> Path:
    """Make a database with a study in it."""
    study = Study.open(written(folder), str(folder / "study.db"))
    train(study, budget=1)
    study.close()
    return folder / "study.db"


def executed(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n" * 100)

    assert refused(tmp_path, str(path)) == f"{path}: file is not a database"
    assert path.read_text() == "buy milk\n" * 100


def test_a_database_of_something_else_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "places.sqlite"
    executed(path, "CREATE TABLE bookmarks (title TEXT)")
    before = path.read_bytes()

    assert refused(tmp_path, f"sqlite:///{path}") == (
        f"{path} is a database of something else, it holds 'bookmarks'; "
        "a study needs a file of its own"
    )
    assert path.read_bytes() == before


def test_a_damaged_database_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = studied(tmp_path)
    content = bytearray(path.read_bytes())
    content[8192 : len(content) - 4096] = bytes(len(content) - 12288)
    path.write_bytes(content)

    said = refused(tmp_path, str(path))

    assert said.startswith(str(path))
    assert "damaged" in said or "malformed" in said
    assert path.read_bytes() == content


def test_a_truncated_database_is_refused(tmp_path: Path) -> None:
    path = studied(tmp_path)
    path.write_bytes(path.read_bytes()[:6000])

    assert refused(tmp_path, str(path)) == f"{path}: database disk image is malformed"


def test_tables_of_a_newer_optuna_are_refused(tmp_path: Path) -> None:
    path = studied(tmp_path)
    executed(path, "UPDATE version_info SET schema_version = 99, library_version = '9.0.0'")
    executed(path, "UPDATE alembic_version SET version_num = 'v9.0.0.a'")

    assert refused(tmp_path, str(path)).startswith(f"{path}: ")


def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "study.db"

    assert refused(tmp_path, str(missing)) == f"{missing}: there is no folder {missing.parent}"
    assert refused(tmp_path, str(tmp_path)) == f"{tmp_path}: is a folder"


@pytest.mark.parametrize(
    ("storage", "shown"),
    [
        ("mysql://me:secret@host/runs", "mysql://me:***@host/runs"),
        ("redis://host", "redis://host"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
    ],
)
def test_other_storages_are_refused_without_their_passwords(
    tmp_path: Path, storage: str, shown: str
) -> None:
    assert refused(tmp_path, storage) == (
        f"{shown}: a study is kept in a file or on a PostgreSQL server; "
        "give a path, sqlite:///PATH or postgresql://USER@HOST/NAME"
    )


def test_a_server_that_is_not_there_is_named_without_the_password(tmp_path: Path) -> None:
    said = refused(tmp_path, "postgresql://me:se@cret@127.0.0.1:9/runs?password=secret")

    assert said.startswith("postgresql://me:***@127.0.0.1:9/runs?password=***")
    assert hidden("postgresql://me@host/runs") == "postgresql://me@host/runs"


def test_a_path_may_hold_what_means_something_in_a_url(tmp_path: Path) -> None:
    path = tmp_path / "50 % {really} ?.db"

    study = Study.open(written(tmp_path), str(path))
    train(study, budget=1)
    rows = listed(study)
    study.close()

    assert path.is_file()
    again = Study.open(written(tmp_path), str(path))
    assert listed(again) == rows
    again.close()


LOCKING = """
import sqlite3
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(3)
connection.rollback()
"""


def test_a_database_that_another_process_locks_is_waited_for(tmp_path: Path) -> None:
    study = Study.open(written(tmp_path), str(tmp_path / "study.db"))
    proposal = study.ask()
    locking = process(LOCKING, tmp_path / "study.db")
    assert locking.stdout is not None
    locking.stdout.readline()

    started = time.monotonic()
    finish(study, proposal)
    waited = time.monotonic() - started
    locking.communicate(timeout=30)

    assert waited > 2
    assert study.rows()[0].status == "complete"
    study.close()


def test_a_study_is_written_ahead_and_leaves_only_its_file_behind(tmp_path: Path) -> None:
    path = studied(tmp_path)

    connection = sqlite3.connect(path)
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    connection.close()

    assert mode == "wal"
    assert sorted(file.name for file in tmp_path.glob("study*")) == ["study.db", "study.db-lock"]


MOUNTED = """\
22 1 254:1 / / rw,relatime - ext4 /dev/vda rw
40 22 0:40 / /home rw,relatime shared:1 - nfs4 server:/home rw
41 40 0:41 / /home/me/my\\040disk rw - xfs /dev/sdb rw
42 22 0:42 / /mnt/far rw - fuse.sshfs me@far: rw
43 22 0:43 / /mnt/stick rw - fuseblk /dev/sdc rw
"""


@pytest.mark.parametrize(
    ("path", "far"),
    [
        ("/srv/study.db", False),
        ("/home/me/study.db", True),
        ("/home/me/my disk/runs/study.db", False),
        ("/mnt/far/study.db", True),
        ("/mnt/stick/study.db", False),
    ],
)
def test_a_network_is_told_by_the_mount_that_is_nearest(
    tmp_path: Path, path: str, far: bool
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTED)

    assert is_over_network(Path(path), mounts) is far
    assert is_over_network(Path(path), tmp_path / "none") is False


def test_a_lease_lasts_as_long_as_its_holder(tmp_path: Path) -> None:
    one, other = SQLite(tmp_path / "study.db"), SQLite(tmp_path / "study.db")

    lease = one.lease()
    before = other.is_held(lease)
    one.close()

    assert before
    assert not other.is_held(lease)


HOLDING = """
from search.storage import SQLite
print(SQLite(Path(sys.argv[1])).lease(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_lease_ends_when_its_holder_is_killed_and_leaves_nothing_behind(tmp_path: Path) -> None:
    killed = process(HOLDING, tmp_path / "study.db")
    lease = killed.communicate(timeout=60)[0].strip()

    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    assert not SQLite(tmp_path / "study.db").is_held(lease)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lease", ["../../notes", "/etc/passwd", "", "lock", "0123456g"])
def test_a_lease_of_a_foreign_database_leads_to_no_other_file(tmp_path: Path, lease: str) -> None:
    (tmp_path / "runs" / "a").mkdir(parents=True)
    (tmp_path / "notes").write_text("mine")

    assert not SQLite(tmp_path / "runs" / "a" / "study.db").is_held(lease)
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_is_said_in_words_and_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        study = Study.open(written(tmp_path), str(disk / "study.db"))
        done = train(study, budget=1)
        proposal = study.ask(budget=2)
        ballast = disk / "ballast"
        with pytest.raises(OSError, match="No space left"), ballast.open("wb", 0) as file:
            while True:
                file.write(bytes(512))

        with pytest.raises(SpaceError) as error:
            for _ in range(1000):
                finish(study, proposal)
                proposal = study.ask()
        ballast.unlink()
        study.close()

        assert str(error.value) == f"{disk / 'study.db'}: database or disk is full"
        again = Study.open(written(tmp_path), str(disk / "study.db"))
        assert [row.status for row in again.rows()[: len(done)]] == ["complete"] * len(done)
        left = again.interrupted()
        assert all(row.status in ("complete", "running") for row in again.rows())
        for one in left:
            finish(again, one)
        again.close()
