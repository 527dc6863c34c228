"""The README's commands and code, run as they stand."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from search.cli import main
from search.space_file import NAMES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


QUICK = ("show", "data", "zoo", "check")


def commands(is_quick: bool) -> list[str]:
    lines = "\n".join(blocks("console")).splitlines()
    parts = [part for line in lines for part in line.split(" && ") if part.startswith("search ")]
    return [part for part in parts if (part.split()[1] in QUICK) is is_quick]


def test_the_readme_has_code_and_commands() -> None:
    assert len(blocks("python")) >= 3
    assert len(commands(True)) >= 3
    assert len(commands(False)) >= 2


@pytest.mark.parametrize("code", blocks("python"))
def test_its_code_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    exec(compile(code, "README.md", "exec"), {})


def weighed(command: str) -> object:
    """Leave a command that counts a whole table of a paper to the slow tests."""
    return pytest.param(command, marks=pytest.mark.slow if "--paper" in command else ())


@pytest.mark.parametrize("command", [weighed(command) for command in commands(True)])
def test_its_commands_run(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(shlex.split(command)[1:]) == 0

    assert printed.getvalue().strip()


@pytest.mark.slow
def test_what_it_trains_goes_from_its_first_command_to_its_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    for command in commands(False):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            assert main(shlex.split(command)[1:]) == 0, command

        assert printed.getvalue().strip(), command


def test_the_output_it_shows_is_what_its_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["show", "mspa_s_omega", "--recipe", "cifar100"])

    printed = capsys.readouterr().out.splitlines()
    for line in blocks("text")[0].splitlines():
        assert line == "…" or line in printed


def test_it_names_everything_a_space_file_may_hold() -> None:
    table = README[README.index("A space file may hold") :]

    for name in NAMES:
        assert f"| `{name}` |" in table


def test_ci_runs_the_readme_s_own_test_command() -> None:
    assert sum(line.startswith("pip install '.[test]'") for line in README.splitlines()) == 1
    assert "README.md" in (ROOT / ".ci" / "run").read_text()
