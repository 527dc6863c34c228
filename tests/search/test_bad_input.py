"""Every mistake a user can make: one line that names fact, value, place and way out."""

from pathlib import Path

import pytest
from PIL import Image

from search.cli import main

HEAD = """\
from functools import partial
from torch import nn
from modules import ECA, MSPA, SE, EMA, resnet18, resnet50
from spaces import Space, choice, fit
from trials import Recipe
"""
HALF = """\
class Half(nn.Module):
    def __init__(self, channels):
        super().__init__()

    def forward(self, x):
        return x[:, ::2]

"""


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["show", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 1
    return lines[0].removeprefix("search: ")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("space = Space(resnet18\n", "mine.py:6: '(' was never closed"),
        ("1 / 0\n", "mine.py:6: ZeroDivisionError: division by zero"),
        ("import nowhere\n", "mine.py:6: ModuleNotFoundError: No module named 'nowhere'"),
        ("x = 1\n", "mine.py: defines no `space`; write space = Space(resnet50, ...)"),
        ("space = resnet18\n", "mine.py: `space` is a Backbone, not a Space"),
        ("spaces = Space(resnet18)\n", "mine.py: holds 'spaces'; did you mean 'space'?"),
        (
            "space = Space(resnet18)\nbaseline = {}\n",
            "mine.py: holds 'baseline'; did you mean 'baselines'?",
        ),
        (
            "space = Space(resnet18, gat=SE)\n",
            "mine.py:6: resnet18 has no argument 'gat'; did you mean 'gate'?",
        ),
        (
            "space = Space(resnet18, gate=partial(SE, reductoin=4))\n",
            "mine.py:6: gate: SE has no argument 'reductoin'; did you mean 'reduction'?",
        ),
        (
            "space = Space(resnet18, gate={'stage5': SE, 'stage3': choice(SE, ECA)})\n",
            "mine.py: no architecture of this space can be built: gate: no place 'stage5', stages "
            "are ['stage1', 'stage2', 'stage3', 'stage4']; did you mean 'stage4'?",
        ),
        (
            "space = Space(resnet18, gate=[SE, SE, choice(SE, ECA)])\n",
            "mine.py: no architecture of this space can be built: "
            "gate has 3 entries and the network 4 stages",
        ),
        (
            "space = Space(resnet18, gate=choice())\n",
            "mine.py:6: a choice needs at least one option",
        ),
        (
            "space = Space(resnet18, gate=choice(SE, partial(SE, reduction=4)))\n",
            "mine.py:6: two options are both called 'SE'; name them: choice(small=..., large=...)",
        ),
        (
            "space = Space(resnet18, gate=choice(SE, SE(64)))\n",
            "mine.py:6: cannot name the option of type SE; name it: choice(small=...)",
        ),
        (
            HALF + "space = Space(resnet18, gate=[SE, SE, SE, choice(SE, Half)])\n",
            "mine.py: gate.3: Half(512) returned (1, 256, 7, 7) for (1, 512, 7, 7); "
            "a gate keeps its input's shape",
        ),
        (
            "space = Space(resnet18, gate=partial(EMA, groups=choice(48, 7)))\n",
            "mine.py: no architecture of this space can be built: "
            "gate: EMA(64): channels = 64 is not divisible by 48 groups",
        ),
        (
            "space = Space(resnet50, mix=partial(MSPA, omega=fit(range(8, 12), macs=4e9)))\n",
            "mine.py: no architecture of this space can be built: mix.omega = 11 comes nearest to "
            "macs = 4,000,000,000 with 1,551,066,738, 61.2% off; 5.0% is allowed",
        ),
        (
            "ours = Space(resnet50, mix=partial(MSPA, omega=fit(range(8, 64), macs='ours')))\n"
            "space = ours\nbaselines = {'ours': ours}\n",
            "mine.py: mix.omega: the target of the fit refers back to the fit",
        ),
        (
            "space = Space(resnet50, mix=partial(MSPA, omega=fit(range(8, 64), macs='R50')))\n"
            "baselines = {'ResNet-50': Space(resnet50)}\n",
            "mine.py: mix.omega: there is no baseline 'R50' to fit to; did you mean 'ResNet-50'?",
        ),
        (
            "space = Space(resnet18)\nobjectives = ['acuracy', 'macs']\n",
            "mine.py: objectives names 'acuracy'; did you mean 'accuracy'?",
        ),
        (
            "space = Space(resnet18)\nlimits = ['macs=3']\n",
            "mine.py: limit 'macs=3' does not read like 'macs<=1.3e9' or 'params<26M'",
        ),
        (
            "space = Space(resnet18)\nbaselines = {'x': resnet18}\n",
            "mine.py: baseline 'x' is a Backbone, not a Space",
        ),
        (
            "space = Space(resnet18)\nbaselines = {'x': Space(resnet18, gate=choice(SE, ECA))}\n",
            "mine.py: baseline 'x' has 2 architectures; a baseline is one",
        ),
    ],
)
def test_a_mistake_in_a_space_file_is_one_line(
    capsys: pytest.CaptureFixture[str], place: Path, text: str, words: str
) -> None:
    (place / "mine.py").write_text(HEAD + text)

    assert told(capsys, "mine.py") == words


def test_a_file_that_is_not_there_or_a_folder(
    capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    (place / "folder").mkdir()
    (place / "folder" / "a.py").write_text("")

    assert told(capsys, "gone.py") == "there is no space file 'gone.py'"
    assert told(capsys, "folder") == "folder is a folder; name a file in it, such as ['a.py']"


def test_a_recipe_that_is_not_there_or_is_none(
    capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    (place / "mine.py").write_text(
        HEAD + "space = Space(resnet18)\nrecipes = {'cifar100': Recipe(), 'wrong': 3}\n"
    )

    assert told(capsys, "mine.py", "--recipe", "cifar10") == (
        "mine.py: no recipe 'cifar10'; it has cifar100, wrong; did you mean 'cifar100'?"
    )
    assert told(capsys, "mine.py", "--recipe", "wrong") == (
        "mine.py: recipe 'wrong' is a int, not a Recipe"
    )


def test_a_recipe_may_not_override_what_is_searched(
    capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    (place / "mine.py").write_text(
        HEAD
        + "space = Space(resnet18, gate=choice(SE, ECA))\n"
        + "recipes = {'p': Recipe(overrides={'gate': None})}\n"
    )

    assert told(capsys, "mine.py", "--recipe", "p") == (
        "mine.py: the recipe overrides 'gate', which the space searches"
    )


def test_a_limit_that_leaves_nothing_says_where_the_costs_lie(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = told(capsys, "mspa_s_omega", "--recipe", "cifar100", "--limit", "macs<1e6")

    assert words.endswith(
        "no architecture keeps macs<1e+06; macs lies between 853,596,400 and 2,691,788,304"
    )


def test_a_neighbour_is_imported_and_one_with_an_installed_name_refused(
    capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    (place / "own_gate.py").write_text("from modules import SE\n\n\nclass OwnGate(SE):\n    pass\n")
    (place / "mine.py").write_text(
        HEAD + "from own_gate import OwnGate\nspace = Space(resnet18, gate=choice(SE, OwnGate))\n"
    )
    assert main(["show", "mine.py"]) == 0
    assert "OwnGate" in capsys.readouterr().out

    for name in ("torchvision", "json"):
        (place / f"{name}.py").write_text("")
        (place / "mine.py").write_text(HEAD + f"import {name}\nspace = Space(resnet18)\n")
        assert told(capsys, "mine.py") == (
            f"{name}.py has the name of an installed package; rename it"
        )


def test_a_broken_input_shape_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["show", "mspa_s_omega", "--input", "32"])

    assert stopped.value.code == 2
    assert "'32' does not read like 3x224x224" in capsys.readouterr().err


def test_nothing_is_created(capsys: pytest.CaptureFixture[str], place: Path) -> None:
    (place / "mine.py").write_text(HEAD + "space = Space(resnet18, gat=SE)\n")

    told(capsys, "mine.py")

    assert {file.name for file in place.iterdir()} <= {"mine.py", "__pycache__"}


def test_a_folder_of_images_tells_its_own_classes_and_size(
    capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    (place / "mine.py").write_text(
        HEAD
        + "space = Space(resnet18, gate=choice(SE, ECA))\n"
        + f"recipes = {{'own': Recipe(data='folder:{place / 'images'}')}}\n"
    )
    assert "images" in told(capsys, "mine.py", "--recipe", "own")

    for split in ("train", "test"):
        for name in ("cats", "dogs", "owls"):
            (place / "images" / split / name).mkdir(parents=True)
            for number in range(4):
                picture = Image.new("RGB", (48, 48), (60 * number, 0, 0))
                picture.save(place / "images" / split / name / f"{number}.png")

    assert main(["show", "mine.py", "--recipe", "own"]) == 0
    assert "input 3x48x48, 3 classes" in capsys.readouterr().out


def test_a_data_set_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "cifar11"]) == 2

    assert capsys.readouterr().err == (
        "search: data = 'cifar11' is not known; did you mean 'cifar10'?\n"
    )


def test_a_neighbour_that_lies_on_the_path_too_is_the_same_neighbour(
    capsys: pytest.CaptureFixture[str], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "twin_gate.py").write_text("from modules import SE as TwinGate\n")
    (place / "mine.py").write_text(
        HEAD + "from twin_gate import TwinGate\nspace = Space(resnet18, gate=TwinGate)\n"
    )
    monkeypatch.syspath_prepend(place)

    assert main(["show", "mine.py"]) == 0
    (place / "moved").mkdir()
    for file in ("twin_gate.py", "mine.py"):
        (place / file).rename(place / "moved" / file)
    assert main(["show", "moved/mine.py"]) == 0
    assert "1 architectures" in capsys.readouterr().out
