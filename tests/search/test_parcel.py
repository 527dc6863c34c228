import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from search.parcel import Parcel, packed
from tests.search.jobs import write_space


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("space")
    (folder / "unrelated.py").write_text("raise SystemExit\n")
    return write_space(folder)


@pytest.fixture(scope="module")
def sent(space: Path) -> Parcel:
    return packed(space)


@pytest.mark.slow
def test_what_arrives_trains_where_nothing_of_ours_is(sent: Parcel, tmp_path: Path) -> None:
    code = sent.unpacked(tmp_path)

    said = subprocess.run(
        [
            *(sys.executable, "-P", "-c"),
            "import sys; sys.path.insert(0, '.');"
            f"from search.experiment import load; held = load('{sent.space}', 'tiny');"
            "import search, trouble; print(held.space.size, search.__file__, trouble.__file__)",
        ],
        cwd=code,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert said == ["10", str(code / "search/__init__.py"), str(code / "space/trouble.py")]
    assert not (code / "space/unrelated.py").exists()


def test_equal_files_make_equal_parcels(sent: Parcel, tmp_path: Path) -> None:
    again = packed(write_space(tmp_path))
    (tmp_path / "trouble.py").write_text((tmp_path / "trouble.py").read_text() + "# changed\n")
    changed = packed(tmp_path / "mine.py")

    assert sent == again
    assert changed.digest != sent.digest


def test_workers_of_one_machine_unpack_once(sent: Parcel, tmp_path: Path) -> None:
    first = sent.unpacked(tmp_path)
    kept = (first / "search/job.py").stat().st_mtime_ns

    second = sent.unpacked(tmp_path)

    assert second == first
    assert (first / "search/job.py").stat().st_mtime_ns == kept
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_code_that_is_not_what_was_sent_is_refused(sent: Parcel, tmp_path: Path) -> None:
    code = sent.unpacked(tmp_path)
    (code / "search/job.py").write_text("import os\n")

    with pytest.raises(RuntimeError, match=r"job\.py is not what was sent; remove"):
        sent.unpacked(tmp_path)
    with pytest.raises(RuntimeError, match="did not arrive as it was"):
        replace(sent, content=sent.content[:-1]).unpacked(tmp_path / "other")


def test_a_parcel_stays_small(sent: Parcel) -> None:
    assert len(sent.content) < 2**20
