import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search.place import placed
from search.rows import Row
from tests.search.jobs import SPACE, TROUBLE, descendants, is_alive

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def space(tmp_path: Path) -> Path:
    broken = "**{name: partial(Trouble, what=name) for name in names}"
    (tmp_path / "trouble.py").write_text(TROUBLE)
    text = SPACE.replace(broken, 'slow=partial(Trouble, what="slow")')
    assert text != SPACE
    (tmp_path / "mine.py").write_text(text)
    return tmp_path / "mine.py"


def command(space: Path, recipe: str, out: str, *words: str) -> list[str]:
    start = [sys.executable, "-m", "search.cli", "run", str(space), "--recipe", recipe]
    return [*start, "--workers", "2", "--out", str(space.parent / out), *words]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def told(row: Row) -> dict[str, object]:
    """Return what a row says, but for the time that it took."""
    curve = [(epoch.number, epoch.loss, epoch.score) for epoch in row.curve]
    return {
        "architecture": (row.name, tuple(row.choices.items()), row.seed),
        "status": (row.status, row.score, row.reason),
        "figures": dict(row.figures),
        "curve": curve,
    }


def test_ray_and_local_workers_leave_the_same_record(space: Path) -> None:
    records = []
    for out, words in (("here", []), ("there", ["--ray"])):
        done = subprocess.run(
            command(space, "tiny", out, "--seeds", "2", "--quiet", *words),
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        with placed(str(space.parent / out)).reading() as study:
            rows = [told(row) for row in study.rows()]
        records.append(sorted(rows, key=lambda row: str(row["architecture"])))

    here, there = records

    assert len(here) == 6
    assert here == there


def test_ctrl_c_ends_with_130_and_no_process_of_ray(space: Path) -> None:
    process = subprocess.Popen(
        command(space, "long", "out", "--ray", "--quiet"),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    trials = space.parent / "out/trials"
    until = time.monotonic() + 150
    while len({state.parent for state in trials.glob("*/epoch-*.state")}) < 2:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    processes = descendants(process.pid)

    os.killpg(process.pid, signal.SIGINT)

    _, complaints = process.communicate(timeout=100)
    assert process.returncode == 130, complaints
    assert "Traceback" not in complaints
    assert len(processes) > 6
    until = time.monotonic() + 20
    while any(map(is_alive, processes)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(map(is_alive, processes))
    with placed(str(space.parent / "out")).reading() as study:
        assert study.counts()["interrupted"] == 2


def test_more_than_there_is_is_refused_in_a_line(space: Path) -> None:
    done = subprocess.run(
        command(space, "tiny", "out", "--ray", "--cpus-per-trial", "999"),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "2 workers of 999 CPUs each: there is no room for that; there is " in done.stderr
    assert len(done.stderr.splitlines()) == 1
