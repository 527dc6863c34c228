import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from search import run_folder
from search.experiment import Experiment, load
from search.run_folder import RunFolder, create, is_run_folder
from spaces import SpaceError
from tests.search.jobs import write_space

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "here").mkdir()
    yield write_space(tmp_path / "here")
    forget()


def forget() -> None:
    """Have what lay beside the space file read again, as another process would."""
    for name in ("trouble", "troubles"):
        sys.modules.pop(name, None)


@pytest.fixture
def experiment(space: Path) -> Experiment:
    return load(str(space), "tiny")


@pytest.fixture
def folder(experiment: Experiment, tmp_path: Path) -> RunFolder:
    return create(tmp_path / "runs" / "mine" / "tiny", experiment, {})


def read(folder: RunFolder, name: str) -> object:
    return json.loads((folder.path / name).read_text())


def test_a_run_folder_is_read_where_it_was_moved_to(
    folder: RunFolder, space: Path, tmp_path: Path
) -> None:
    moved = RunFolder(tmp_path / "elsewhere")
    folder.path.rename(moved.path)
    shutil.rmtree(space.parent)
    forget()

    experiment = load(str(moved.space), **moved.about)

    assert experiment.space.size == 10
    assert (experiment.recipe, experiment.shape, experiment.classes) == ("tiny", (3, 8, 8), 10)
    assert moved.storage == f"sqlite:///{tmp_path}/elsewhere/study.db"


def test_no_file_of_a_run_folder_knows_where_it_lies(folder: RunFolder, tmp_path: Path) -> None:
    folder.log("asked", number=3)

    files = [path for path in folder.path.rglob("*") if path.is_file()]

    assert len(files) == 6
    for path in files:
        assert str(tmp_path).encode() not in path.read_bytes(), path


def test_a_folder_of_images_need_not_be_there_to_read_it(
    space: Path, tmp_path: Path, folder: RunFolder
) -> None:
    text = folder.space.read_text().replace('"digits"', '"folder:gone"')
    folder.space.write_text(text)

    experiment = load(str(folder.space), **folder.about)

    assert (experiment.shape, experiment.classes) == ((3, 8, 8), 10)


def test_changes_are_read_again_as_they_were_made(space: Path, tmp_path: Path) -> None:
    changes = {"schedule": "steps", "milestones": (1,), "epochs": 3}
    folder = create(tmp_path / "run", load(str(space), "tiny", changes=changes), changes)

    experiment = load(str(folder.space), **folder.about)

    assert experiment.recipe_value.milestones == (1,)
    assert experiment.recipe_value == load(str(space), "tiny", changes=changes).recipe_value


def test_the_recipe_is_written_down_with_its_choices_and_defaults(
    space: Path, tmp_path: Path
) -> None:
    searched = create(tmp_path / "one", load(str(space), "searched"), {})
    own = create(tmp_path / "two", load(str(space), "strange"), {})

    recipe = read(searched, "recipe.json")

    assert isinstance(recipe, dict)
    assert (recipe["lr"], recipe["batch"], recipe["ema"]) == ({"choice": [0.1, 0.01]}, 50, 0.0)
    assert read(own, "recipe.json")["train"] == "strange"  # type: ignore[index]


def test_a_run_folder_that_is_there_stays_as_it_is(folder: RunFolder, space: Path) -> None:
    before = folder.space.read_text()
    space.write_text(before + "\n# changed\n")

    again = create(folder.path, load(str(space), "tiny"), {})

    assert again == folder
    assert again.space.read_text() == before


def test_what_is_kept_follows_the_space_file_when_it_is_told_to(
    folder: RunFolder, space: Path
) -> None:
    grown = space.read_text().replace("from trouble import", "from troubles import")
    space.write_text(grown)
    (space.parent / "trouble.py").rename(space.parent / "troubles.py")
    forget()

    folder.keep(load(str(space), "long"), {})

    assert sorted(path.name for path in folder.space.parent.iterdir()) == ["mine.py", "troubles.py"]
    assert folder.space.read_text() == grown
    assert folder.about["recipe"] == "long"


def test_an_experiment_read_from_the_folder_itself_is_kept(folder: RunFolder) -> None:
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}

    folder.keep(load(str(folder.space), **folder.about), {})

    assert {p: p.read_bytes() for p in folder.path.rglob("*") if p.is_file()} == before


def test_versions_are_added_when_they_change(
    folder: RunFolder, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "RECORDED", ("torch",))

    folder.keep(experiment, {})
    folder.keep(experiment, {})

    first, second = read(folder, "versions.json")  # type: ignore[misc]
    assert "optuna" in first
    assert set(second) == {"python", "system", "hardware", "torch", "since"}


def test_a_folder_that_cannot_be_made_whole_is_not_made(
    experiment: Experiment, space: Path, tmp_path: Path
) -> None:
    space.unlink()

    with pytest.raises(FileNotFoundError):
        create(tmp_path / "runs" / "mine", experiment, {})

    assert list((tmp_path / "runs").iterdir()) == []


def test_a_folder_with_something_else_in_it_is_refused(
    experiment: Experiment, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()

    with pytest.raises(SpaceError, match="mine is not a run folder, and none can be made there"):
        create(tmp_path / "mine", experiment, {})

    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]
    assert not is_run_folder(tmp_path / "mine")


def test_an_empty_folder_becomes_a_run_folder(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()

    folder = create(tmp_path / "new", experiment, {})

    assert is_run_folder(folder.path)


def test_two_who_make_it_at_once_get_the_same_whole_folder(
    experiment: Experiment, tmp_path: Path
) -> None:
    for turn in range(10):
        place = tmp_path / str(turn)
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _, at=place: create(at, experiment, {}), range(4)))

        assert made == [RunFolder(place)] * 4
        assert made[0].space.read_text() == experiment.path.read_text()
    assert not list(tmp_path.glob(".new-*"))


def test_what_is_no_run_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"is not a run folder: it has no run\.json"):
        _ = RunFolder(tmp_path).space


def test_a_damaged_run_folder_says_so(folder: RunFolder) -> None:
    (folder.path / "run.json").write_text('{"space": ')

    with pytest.raises(SpaceError, match=r"run\.json is damaged: Expecting value"):
        _ = folder.about


def test_events_are_lines_that_another_process_can_read(folder: RunFolder) -> None:
    folder.log("asked", number=3, choices={"gate": "SE"})
    folder.log("told", number=3, score=0.5)

    events = list(folder.logged())

    assert [(event["event"], event["number"]) for event in events] == [("asked", 3), ("told", 3)]
    assert events[0]["time"] <= events[1]["time"]
    assert events[0]["time"].endswith("+00:00")


def test_an_event_cut_short_spoils_no_other(folder: RunFolder) -> None:
    folder.log("asked", number=1)
    with (folder.path / "log.jsonl").open("ab") as file:
        file.write(b'{"time": "2026-')

    folder.log("asked", number=2)

    assert [event["number"] for event in folder.logged()] == [1, 2]


def test_a_folder_without_events_has_none(folder: RunFolder) -> None:
    assert list(folder.logged()) == []


def test_a_second_driver_is_refused_while_the_first_one_lives(folder: RunFolder) -> None:
    with folder.driven(), pytest.raises(SpaceError) as caught, folder.driven():
        pass

    assert f"is driven by process {os.getpid()} on " in str(caught.value)
    assert "choose another folder with --out" in str(caught.value)
    with folder.driven():
        pass


def test_a_driver_that_was_killed_holds_nothing(folder: RunFolder) -> None:
    code = (
        "import sys, time; from pathlib import Path; from search.run_folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).driven(): print('mine', flush=True); time.sleep(100)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder.path)], stdout=subprocess.PIPE, cwd=ROOT
    ) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(SpaceError, match=f"is driven by process {other.pid} "), folder.driven():
            pass
        os.kill(other.pid, signal.SIGKILL)

    with folder.driven():
        pass
