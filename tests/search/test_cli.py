"""The command line as a user meets it: in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
HEAVY = ("torch", "torchvision", "optuna", "ray", "plotly", "numpy")


def search(*arguments: str, cwd: Path = ROOT, path: str = str(ROOT)) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "search.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )


def test_help_imports_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys\n"
        "from search.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert "show" in done.stdout
    assert done.stderr.strip() == "[]"


def test_a_misspelt_command_is_refused_with_the_commands_there_are() -> None:
    done = search("shwo")

    assert done.returncode == 2
    assert "show" in done.stderr


def test_json_prints_one_document_and_nothing_else() -> None:
    done = search("show", "mspa_s_omega", "--recipe", "cifar100", "--json")

    assert done.returncode == 0
    assert json.loads(done.stdout)["size"] == 20
    assert done.stderr == ""


def test_a_user_error_is_one_line_and_exit_code_2() -> None:
    done = search("show", "mspa_s_omgea")

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "search: there is no space file 'mspa_s_omgea'; did you mean 'mspa_s_omega'?\n"
    )


@pytest.mark.parametrize("name", ["spaces", "modules", "trials"])
def test_a_foreign_package_of_our_name_is_refused_by_its_path(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("x = 1\n")

    done = search(
        "show", "mspa_s_omega", path=os.pathsep.join([str(tmp_path), str(ROOT)]), cwd=ROOT.parent
    )

    assert done.returncode == 2
    assert done.stderr == (
        f"search: not ours, though of our name: {name} ({tmp_path / name / '__init__.py'}); "
        "use a virtual environment of its own\n"
    )


def test_the_zoo_lists_every_module_with_parameters_and_paper() -> None:
    done = search("zoo")

    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert done.returncode == 0
    assert rows["SE"].split()[1:4] == ["gate", "580", "8,464"]
    assert "https://arxiv.org/abs/1709.01507" in rows["SE"]
    assert "not divisible by 32 groups" in rows["EMA"]
