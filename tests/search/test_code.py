"""The code of a network: what belongs to it, what may change beside it."""

import linecache
import sys
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from torch import nn

from modules import ECA, MSPA, SE, resnet50
from search.code import Code, code_hash

OUTER = """\
from pkg.inner import helper
import math

SIZE = 3

def unused():
    return 1

class Block(Base := object):
    '''A block.'''
    def forward(self, x):
        from pkg.late import late
        return helper(x) + SIZE + late(x)
"""
INNER = """\
def helper(x):
    return deeper(x)

def deeper(x):
    return x

def other(x):
    return x
"""
LATE = "def late(x):\n    return x\n"
FILES = {"__init__.py": "", "outer.py": OUTER, "inner.py": INNER, "late.py": LATE}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "pkg").mkdir()
    for name, text in FILES.items():
        (tmp_path / "pkg" / name).write_text(text)
    import_module("pkg.outer")
    import_module("pkg.late")
    yield tmp_path / "pkg"
    for name in [name for name in sys.modules if name.partition(".")[0] == "pkg"]:
        del sys.modules[name]


def files_of(name: str = "Block") -> dict[str, str]:
    """Hash a definition of the package as it stands on the disk."""
    definition = getattr(import_module("pkg.outer"), name)
    return code_hash(partial(definition))[1]


def test_a_network_is_made_of_the_definitions_that_it_reaches(package: Path) -> None:
    assert files_of().keys() == {"pkg/outer.py", "pkg/inner.py", "pkg/late.py"}
    assert files_of("unused").keys() == {"pkg/outer.py"}


@pytest.mark.parametrize(
    ("file", "before", "after", "changed"),
    [
        ("outer.py", "+ SIZE", "- SIZE", {"pkg/outer.py"}),
        ("outer.py", "SIZE = 3", "SIZE = 4", {"pkg/outer.py"}),
        ("inner.py", "    return deeper(x)", "    return deeper(x) * 2", {"pkg/inner.py"}),
        (
            "inner.py",
            "def deeper(x):\n    return x",
            "def deeper(x):\n    return -x",
            {"pkg/inner.py"},
        ),
        ("late.py", "return x", "return x + 1", {"pkg/late.py"}),
        ("outer.py", "return 1", "return 2", set()),
        ("inner.py", "def other(x):\n    return x", "def other(x):\n    return -x", set()),
        ("outer.py", "'''A block.'''", "'''Another text.'''", set()),
        ("outer.py", "SIZE = 3", "SIZE = (3)  # as in the paper", set()),
        ("inner.py", "def other", "\n\n\ndef other", set()),
    ],
)
def test_what_is_reached_changes_the_hash_of_its_file_and_nothing_else_does(
    package: Path, file: str, before: str, after: str, changed: set[str]
) -> None:
    old = files_of()
    text = (package / file).read_text()
    assert before in text
    (package / file).write_text(text.replace(before, after))

    new = files_of()

    assert {name for name in old | new if old.get(name) != new.get(name)} == changed


def test_a_network_of_the_zoo_is_made_of_its_modules_and_its_backbone() -> None:
    whole, files = code_hash(partial(resnet50, mix=partial(MSPA, scales=3), gate=[SE, None]))

    assert {"modules/attention/mspa.py", "modules/attention/se.py"} <= files.keys()
    assert "modules/backbones/resnet.py" in files
    assert "modules/attention/eca.py" not in files
    assert whole != code_hash(partial(resnet50, mix=partial(MSPA, scales=3), gate=[ECA]))[0]
    assert not any(Path(name).is_absolute() for name in files)


def test_libraries_are_no_part_of_a_network() -> None:
    assert code_hash(partial(nn.Conv2d, 3, 8, 1), print, 3, "SE") == code_hash()


def test_one_reading_of_the_files_gives_the_same_as_many() -> None:
    once = Code()
    calls = [partial(resnet50, gate=gate) for gate in (SE, ECA, None, SE)]

    assert [once(call) for call in calls] == [code_hash(call) for call in calls]


def test_a_lambda_stands_for_its_whole_file(package: Path) -> None:
    (package / "inner.py").write_text(INNER + "square = [lambda x: x * x]\n")
    del sys.modules["pkg.inner"]
    square = import_module("pkg.inner").square

    before = code_hash(square)[1]
    (package / "inner.py").write_text(INNER + "square = [lambda x: x * x * x]\n")

    assert before.keys() == {"pkg/inner.py"}
    assert code_hash(square)[1] != before


def test_a_class_of_a_notebook_is_known_by_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = ModuleType("notebook_session")
    monkeypatch.setitem(sys.modules, notebook.__name__, notebook)
    hashes = []
    for number, body in enumerate(("return x", "return -x", "return x")):
        text = f"class Cell:\n    def forward(self, x):\n        {body}\n"
        name = f"<cell {number}>"
        monkeypatch.setitem(linecache.cache, name, (len(text), None, text.splitlines(True), name))
        exec(compile(text, name, "exec"), vars(notebook))
        hashes.append(code_hash(vars(notebook)["Cell"])[1])

    assert hashes[0].keys() == {"notebook_session.Cell"}
    assert hashes[0] != hashes[1]
    assert hashes[0] == hashes[2]
