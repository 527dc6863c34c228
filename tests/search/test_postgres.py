"""A study on a PostgreSQL server: shared by drivers, kept over a restart."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.study import Study
from tests.search.studies import finish, listed, process, train, written

pytestmark = pytest.mark.slow


class Server:
    """A server of our own; root may not run one, so it runs as nobody then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        self.run("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust")

    def run(self, *command: str) -> None:
        """Run one of the server's programs."""
        user = {"user": "nobody"} if os.geteuid() == 0 else {}
        subprocess.run(
            command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, timeout=60, **user
        )

    def control(self, verb: str) -> None:
        """Start, stop or restart it."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.folder}"
        log = str(self.folder / "log")
        data = str(self.folder / "data")
        self.run("pg_ctl", verb, "-D", data, "-o", options, "-l", log, "-w", "-m", "fast")


@pytest.fixture
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    if not shutil.which("initdb") or not shutil.which("pg_ctl"):
        pytest.skip("there is no PostgreSQL server here: neither initdb nor pg_ctl is found")
    # not in pytest's own folder, which nobody else may enter
    with tempfile.TemporaryDirectory() as folder:
        made = Server(Path(folder))
        made.control("start")
        try:
            yield made
        finally:
            made.control("stop")


def test_a_study_on_a_server_is_the_study_in_a_file(server: Server, tmp_path: Path) -> None:
    experiment = written(tmp_path, limits=["params<=200"])
    rows = []
    for storage in (server.url, str(tmp_path / "study.db")):
        study = Study.open(experiment, storage, "random")
        train(study)
        rows.append((listed(study), study.counts()))
        study.close()

    assert rows[0] == rows[1]


def test_a_restart_under_a_run_costs_nothing(server: Server, tmp_path: Path) -> None:
    study = Study.open(written(tmp_path), server.url)
    one = study.ask()
    server.control("restart")

    finish(study, one)
    server.control("restart")
    other = study.ask()
    train(study)

    assert {row.status for row in study.rows()} == {"complete", "running"}
    assert [row.number for row in study.rows() if row.status == "running"] == [other.number]
    study.close()


HELD = """
study = Study.open(written(Path(sys.argv[1])), sys.argv[2])
print(study.ask().number, flush=True)
input()
"""


def test_a_training_is_taken_over_when_its_driver_has_died_and_not_before(
    server: Server, tmp_path: Path
) -> None:
    driver = process(HELD, tmp_path / "theirs", server.url)
    assert driver.stdout is not None
    number = int(driver.stdout.readline())
    study = Study.open(written(tmp_path / "ours"), server.url)

    before = study.interrupted()
    driver.kill()
    driver.communicate()
    after = study.interrupted()

    assert before == []
    assert [left.number for left in after] == [number]
    study.close()


SHARED = """
experiment = written(Path(sys.argv[1]))
print("ready", flush=True)
input()
study = Study.open(experiment, sys.argv[2], "random", int(sys.argv[3]))
print(*[proposal.number for proposal in train(study)])
study.close()
"""


def test_drivers_that_meet_on_a_fresh_server_share_the_work(server: Server, tmp_path: Path) -> None:
    drivers = [process(SHARED, tmp_path / str(n), server.url, n) for n in range(3)]
    for driver in drivers:
        assert driver.stdout is not None
        driver.stdout.readline()
    for driver in drivers:
        assert driver.stdin is not None
        driver.stdin.write("go\n")
        driver.stdin.flush()
    numbers: list[str] = []
    for driver in drivers:
        said, complaint = driver.communicate(timeout=120)
        assert driver.returncode == 0, complaint
        numbers += said.split()

    study = Study.open(written(tmp_path), server.url)
    rows = [(row.name, row.key) for row in study.rows()]
    study.close()
    assert len(numbers) == len(set(numbers)) == 7
    assert len(rows) == len(set(rows)) == 7
