import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from search.shelf import shared
from tests.search.jobs import write_space
from trials.data import Data, load
from trials.recipe import Recipe
from trials.split import Files, Split

ROOT = Path(__file__).parent.parent.parent


def digits() -> Data:
    return load(Recipe(data="digits", images=200))


def test_who_comes_second_gets_the_same_without_loading(tmp_path: Path) -> None:
    loaded = digits()
    calls: list[int] = []

    def counting() -> Data:
        calls.append(1)
        return loaded

    first, second = (shared(tmp_path, "digits", counting) for _ in range(2))

    assert calls == [1]
    for found in (first, second):
        for name in ("train", "validation", "test"):
            ours, theirs = getattr(found, name), getattr(loaded, name)
            assert torch.equal(ours.images, theirs.images)
            assert torch.equal(ours.labels, theirs.labels)
            assert ours.images.stride() == theirs.images.stride()


def test_other_data_lie_under_other_keys(tmp_path: Path) -> None:
    few = shared(tmp_path, "few", partial(load, Recipe(data="digits", images=100)))

    many = shared(tmp_path, "many", digits)

    assert len(few.train) < len(many.train)


def test_files_keep_their_places(tmp_path: Path) -> None:
    files = Files(("a.png", "b.png"), torch.tensor([0, 1]), 32)
    data = replace(digits(), train=files)

    found = shared(tmp_path, "files", lambda: data)

    assert isinstance(found.train, Files)
    assert (found.train.paths, found.train.size) == (files.paths, 32)
    assert isinstance(found.test, Split)


def test_data_that_find_no_room_are_each_one_s_own(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path;"
        "from search.shelf import shared; from tests.search.test_shelf import digits;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "print(len(shared(Path(sys.argv[1]), 'digits', digits).test))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(digits().test)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_processes_that_come_at_once_load_once(tmp_path: Path) -> None:
    space = write_space(tmp_path)
    code = (
        "import sys; from pathlib import Path; from search.worker import Bench;"
        "from tests.search.jobs import job;"
        "space, number = Path(sys.argv[1]), int(sys.argv[2]);"
        "asked = job(space, number, recipe='counted', shape=(3, 8, 8), classes=10,"
        " shelf=str(space.parent / 'shelf'));"
        "print(len(Bench().trial(asked).data.train))"
    )
    each = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(space), str(number)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for number in range(2)
    ]

    said = {process.communicate()[0] for process in each}

    assert len(said) == 1
    # each asks for the classes, one for the images
    assert len((tmp_path / "loads").read_text().split()) == 3
