"""What mypy and pyright see of a space file: a misspelt argument, and nothing else."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import modules
from modules.backbones.network import Backbone
from spaces.calls import keywords_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
BACKBONES = {
    name: backbone
    for name in modules.__all__
    if isinstance(backbone := getattr(modules, name), Backbone)
}

RIGHT = """\
from functools import partial

from modules import CBAM, ECA, MSPA, SE, resnet18, resnet50
from spaces import Space, choice, fit
from trials import Recipe

gate = choice(None, ECA, partial(SE, reduction=choice(4, 16)), strong=partial(CBAM, kernel=7))
plain = Space(resnet50)
whole = Space(resnet50, mix=partial(MSPA, scales=choice(2, 3), omega=fit(range(8, 65), macs=plain)))
stages = Space(resnet50, gate=[None, None, gate, choice(SE, partial(SE, reduction=4), tie="last")])
blocks = Space(resnet18, (2, 2, 2, 2), gate=[[gate, None], [None, choice(gate, SE)], SE, None])
named = Space(resnet18, gate={"stage3": choice(SE, ECA), "stage4.0": gate})
backbone = Space(choice(resnet18, resnet50), gate=gate, depths=choice((1, 1, 1, 1), (2, 2, 2, 2)))
part = Space(resnet18, gate=partial(choice(SE, CBAM), reduction=choice(4, 8)))
recipes = {"short": partial(Recipe, lr=choice(0.1, 0.05)), "long": Recipe(epochs=200)}
"""
WRONG = """\
from functools import partial

from modules import ECA, MSPA, SE, resnet50
from spaces import Space, choice
from trials import Recipe

site = Space(resnet50, gaet=choice(SE, ECA))
inside = Space(resnet50, mix=partial(MSPA, scalse=choice(2, 3)))
in_a_list = Space(resnet50, gate=[None, None, partial(SE, reductoin=choice(4, 16)), None])
in_a_choice = Space(resnet50, gate=choice(None, partial(SE, redaction=4)))
in_a_dict = Space(resnet50, gate={"stage3": partial(SE, reductoin=4)})
in_a_recipe = partial(Recipe, learning_rate=choice(0.1, 0.05))
of_another_type = Space(resnet50, planes="64")
"""


def every_backbone() -> str:
    """Give each backbone a choice for everything it takes; all is well typed."""
    lines = [f"from modules import {', '.join(BACKBONES)}", "from spaces import Space, choice"]
    for name, backbone in BACKBONES.items():
        keywords = keywords_of(backbone)
        assert keywords, name
        given = ", ".join(f"{keyword}=choice(1, 2)" for keyword in keywords)
        lines.append(f"{name}_space = Space({name}, {given})")
    return "\n".join(lines) + "\n"


def no_backbone() -> str:
    """Give each backbone something that none takes, one a line."""
    lines = [f"from modules import {', '.join(BACKBONES)}", "from spaces import Space"]
    lines += [f"{name}_space = Space({name}, unheard_of=None)" for name in BACKBONES]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("typed")
    (folder / "right.py").write_text(RIGHT)
    (folder / "wrong.py").write_text(WRONG)
    (folder / "all_right.py").write_text(every_backbone())
    (folder / "all_wrong.py").write_text(no_backbone())
    return folder


@pytest.fixture(scope="module", params=["mypy", "pyright"])
def wrong_lines(request: pytest.FixtureRequest, files: Path) -> Mapping[str, Mapping[int, str]]:
    """Run a type checker over all files; return what it says by file and line."""
    found = mypy(files) if request.param == "mypy" else pyright(files)
    lines: dict[str, dict[int, str]] = {path.name: {} for path in files.glob("*.py")}
    for file, line, text in found:
        lines[Path(file).name][line] = text
    return lines


def mypy(folder: Path) -> list[tuple[str, int, str]]:
    printed = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary",
         "--explicit-package-bases", "--hide-error-context", f"--cache-dir={folder / 'cache'}",
         *sorted(path.name for path in folder.glob("*.py"))],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert printed.returncode == 1, printed.stdout + printed.stderr
    errors = re.findall(r"^(\w+\.py):(\d+): error: (.*)$", printed.stdout, re.MULTILINE)
    return [(file, int(line), text) for file, line, text in errors]


def pyright(folder: Path) -> list[tuple[str, int, str]]:
    settings = {"extraPaths": [str(ROOT)], "typeCheckingMode": "strict"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    printed = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert printed.returncode == 1, printed.stdout + printed.stderr
    found = json.loads(printed.stdout)["generalDiagnostics"]
    return [
        (entry["file"], entry["range"]["start"]["line"] + 1, entry["message"]) for entry in found
    ]


def test_a_space_file_that_is_right_passes(wrong_lines: Mapping[str, Mapping[int, str]]) -> None:
    assert wrong_lines["right.py"] == {}


def test_a_misspelt_argument_is_an_error_where_it_stands(
    wrong_lines: Mapping[str, Mapping[int, str]],
) -> None:
    told = wrong_lines["wrong.py"]

    written = WRONG.splitlines()
    assert [written[line - 1].partition(" ")[0] for line in sorted(told)] == [
        "site", "inside", "in_a_list", "in_a_choice", "in_a_dict", "in_a_recipe",
        "of_another_type",
    ]  # fmt: skip
    words = ["gaet", "scalse", "reductoin", "redaction", "reductoin", "learning_rate", "int"]
    for line, word in zip(sorted(told), words, strict=True):
        assert word in told[line]


def test_every_backbone_names_its_sites_and_nothing_else(
    wrong_lines: Mapping[str, Mapping[int, str]],
) -> None:
    assert wrong_lines["all_right.py"] == {}
    assert len(wrong_lines["all_wrong.py"]) == len(BACKBONES) >= 11
    assert all("unheard_of" in text for text in wrong_lines["all_wrong.py"].values())
