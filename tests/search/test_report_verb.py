"""`search report` as a user types it."""

import json
import shutil
from pathlib import Path

import pytest

from search.cli import main
from search.run_folder import create
from search.study import Study
from tests.search.studies import SPACE, train, written


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Leave a run folder behind, as a finished run does."""
    experiment = written(tmp_path / "space", SPACE)
    folder = create(tmp_path / "run", experiment, {})
    study = Study.open(experiment, folder.storage)
    train(study, budget=6)
    study.close()
    return folder.path


def test_a_run_folder_gets_its_report_inside(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["report", str(run)])

    told = capsys.readouterr()
    assert code == 0
    assert told.out.splitlines()[0] == str(run / "report" / "report.html")
    assert all(Path(line).is_file() for line in told.out.splitlines())
    methods = (run / "report" / "methods.md").read_text()
    assert "torch 2" in methods


def test_a_copy_without_space_file_and_data_is_reported_as_json(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "else where")
    shutil.rmtree(run)
    shutil.rmtree(tmp_path / "space")

    code = main(["report", str(tmp_path / "else where"), "--x", "flops", "--json"])

    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert told["study"] == "mine/quick"
    assert told["counts"] == {"complete": 7}
    assert Path(told["files"][0]).parent == tmp_path / "else where" / "report"


def test_a_report_may_lie_elsewhere_and_the_same_study_makes_the_same_files(
    run: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        assert main(["report", str(run), "--out", str(tmp_path / name)]) == 0

    files = sorted((tmp_path / "one").iterdir())
    assert len(files) == 6
    for file in files:
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--x", "latency"], "knows no latency of its trials; it has macs, params"),
        (["--format", "gif"], "pictures as 'gif' are not known"),
        (["--choices", "width", "kernl"], "no choice 'kernl' in this space; did you mean 'kernel'"),
        (["--out", "/dev/null/x"], "/dev/null/x: Not a directory"),
    ],
)
def test_what_cannot_be_shown_is_told_in_one_line(
    run: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    code = main(["report", str(run), *arguments])

    told = capsys.readouterr()
    assert code == 2
    assert words in told.err
    assert told.err.count("\n") == 1
    assert told.out == ""


def test_a_space_that_was_never_run_has_no_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = written(tmp_path / "space", SPACE)
    monkeypatch.chdir(tmp_path)

    code = main(["report", str(experiment.path)])

    assert code == 2
    assert "nothing has been run in" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
