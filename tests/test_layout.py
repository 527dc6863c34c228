"""Who may know whom (the folders' own rule), and what is ours."""

import ast
import sys
from pathlib import Path

import pytest

from search.space_file import ready_made

ROOT = Path(__file__).parent.parent
OURS = ("modules", "spaces", "trials", "search")
READY_MADE = {path.name for path in ready_made().values()}


def imports(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def roots(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(file)} - set(sys.stdlib_module_names)


@pytest.mark.parametrize("file", sorted((ROOT / "modules").rglob("*.py")), ids=lambda f: f.name)
def test_a_module_file_needs_torch_and_the_zoo_alone(file: Path) -> None:
    assert roots(file) <= {"torch", "modules"}


def test_the_language_needs_the_standard_library_alone() -> None:
    language = [f for f in (ROOT / "spaces").glob("*.py") if f.name not in READY_MADE]

    assert {"dsl.py", "tree.py", "count.py", "fit.py"} <= {file.name for file in language}
    for file in language:
        assert roots(file) <= {"spaces"}, file.name


def test_trials_know_neither_the_zoo_nor_the_language_nor_the_search() -> None:
    for file in (ROOT / "trials").glob("*.py"):
        assert not roots(file) & {"modules", "spaces", "search"}, file.name


def test_only_the_zoo_s_own_commands_import_the_zoo_in_search() -> None:
    knowing = {f.name for f in (ROOT / "search").glob("*.py") if "modules" in roots(f)}

    assert knowing <= {"zoo.py", "check.py", "sites.py"}


def test_a_space_file_joins_zoo_language_and_recipes_and_nothing_else() -> None:
    assert len(READY_MADE) >= 9
    for file in [*map((ROOT / "spaces").joinpath, READY_MADE), *ROOT.glob("spaces/tables/*.py")]:
        grafted = {"torchvision"} if file.name.startswith("grafted_") else set()
        assert roots(file) <= {"modules", "spaces", "trials", "torch", *grafted}, file.name


@pytest.mark.parametrize(
    ("library", "files"),
    [
        ("optuna", {"ledger.py", "sampler.py"}),
        ("ray", {"cluster.py"}),
        ("plotly", {"report.py"}),
        ("ptflops", {"profilers.py"}),
        ("thop", {"profilers.py"}),
        # a space file may graft onto whatever network it names
        ("torchvision", {"data.py", "grafted_resnet50.py"}),
        ("onnxruntime", {"graphs.py"}),
        ("kaleido", {"browser.py"}),
        ("matplotlib", {"canvas.py"}),
        ("rich", {"display.py"}),
        ("PIL", {"picture.py"}),
    ],
)
def test_each_library_is_seen_by_its_own_file(library: str, files: set[str]) -> None:
    knowing = {f.name for name in OURS for f in (ROOT / name).rglob("*.py") if library in roots(f)}

    assert knowing <= files


def test_every_package_carries_the_mark_and_is_typed() -> None:
    for name in OURS:
        assert '__mark__ = "attention-search"' in (ROOT / name / "__init__.py").read_text()
        assert (ROOT / name / "py.typed").exists()


def test_no_source_file_passes_three_hundred_lines() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for name in OURS
        for file in (ROOT / name).rglob("*.py")
        if (lines := len(file.read_text().splitlines())) > 300
    }

    assert not long
