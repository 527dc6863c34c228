"""The contract, tried on modules that keep it and on modules that break one rule each."""

import json
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import modules
from search.check import Report, as_text, check, given_class
from spaces import SpaceError

ROOT = Path(__file__).parent.parent.parent

HEAD = """\
import torch
from torch import Tensor, nn
from torch.nn import functional as F
"""

KEEPING = """
class Gate(nn.Module):
    site = "gate"

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.conv(x.mean((2, 3), keepdim=True)).sigmoid()
"""

# what is changed in the gate above, the rule that breaks, what is said, the line that is named
BROKEN = {
    "no site": ('    site = "gate"\n', "", "site", "no site; .* add site = 'gate'", "class Gate"),
    "unknown site": ('"gate"', '"gates"', "site", "'gates' is none of gate, ", "class Gate"),
    "shape": ("x * self", "x[..., :1] * self", "shapes", "returns", "return"),
    "error": ("keepdim=True", "keepdim=False", "shapes", "RuntimeError: Expected 3D", "return x *"),
    "in place": ("return x *", "return x.mul_(1.5) *", "shapes", "changes the map", "return x.mul"),
    "unused": (
        "1)\n",
        "1)\n        self.idle = nn.Linear(2, 2)\n",
        "gradients",
        "idle.weight gets no gradient",
        "self.idle =",
    ),
    "nan": ("sigmoid()", "sigmoid().sub(0.5).abs().sub(1).log()", "shapes", "not finite", "return"),
    "wide": (
        "sigmoid()",
        "float().sigmoid()",
        "bf16",
        "makes float32 of bfloat16 under autocast on the CPU",
        "return x *",
    ),
    "wide on CUDA": (
        "sigmoid()",
        "softmax(1)",
        "bf16",
        "makes float32 of bfloat16 under autocast on CUDA; add .to",
        "return x *",
    ),
    "layout": (
        "x.mean((2, 3), keepdim=True)",
        "torch.as_strided(x, (x.shape[0], x.shape[1], 1, 1), (x.shape[1] * 143, 143, 1, 1))",
        "channels_last",
        "other values for channels_last",
        "return x *",
    ),
    "graph break": ("return x", 'print("gate")\n        return x', "compile", "", "print("),
    "drawn": (
        "return x *",
        "x = F.dropout(x, 0.5)\n        return x *",
        "determinism",
        "evaluates the same map to other values",
        "F.dropout",
    ),
    "values": (
        "return x *",
        "x = x * float(x.mean())\n        return x *",
        "meta device",
        "",
        "float(x.mean())",
    ),
    "restart": (
        "    def forward",
        "    def initialise(self) -> None:\n        nn.init.ones_(self.conv.weight)\n"
        "\n    def forward",
        "start",
        "sets other values than the constructor",
        "def initialise",
    ),
}


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> str:
        (tmp_path / "mine.py").write_text(HEAD + text)
        return "mine.py:Gate"

    return write


def broken(report: Report) -> dict[str, tuple[str, str]]:
    return {one.rule: (one.words, one.line) for one in report.findings if one.holds is False}


def test_a_gate_that_keeps_the_contract_holds(written):
    report = check(given_class(written(KEEPING)), quick=True)

    assert report.holds
    assert not broken(report)
    assert report.costs[256] == {"params": 256 * 256 + 256, "macs": 256 * 256}
    assert "everything that was tried holds" in "\n".join(as_text(report))


@pytest.mark.parametrize("case", BROKEN)
def test_each_rule_is_found_broken_with_its_line(written, case):
    old, new, rule, words, line = BROKEN[case]
    text = KEEPING.replace(old, new)
    assert text != KEEPING

    report = check(given_class(written(text)), quick=True)

    found = broken(report)
    assert rule in found
    said, place = found[rule]
    assert re.search(words, said)
    file, _, number = place.rpartition(":")
    assert Path(file).name == "mine.py"
    assert line in Path(file).read_text().splitlines()[int(number) - 1]
    assert not report.holds


def test_the_table_names_the_line_and_what_stands_there(written):
    old, new, *_ = BROKEN["unused"]

    text = "\n".join(as_text(check(given_class(written(KEEPING.replace(old, new))), quick=True)))

    assert "gradients      BROKEN" in text
    assert "mine.py:11: gradients: idle.weight gets no gradient; use it in forward" in text
    assert "    self.idle = nn.Linear(2, 2)" in text


def test_an_import_that_an_exported_file_cannot_do_is_found(written):
    text = "import numpy as np\n" + KEEPING.replace(".sigmoid()", ".mul(float(np.pi)).sigmoid()")

    report = check(given_class(written(text)))

    assert list(broken(report)) == ["export"]
    assert "numpy is of the package numpy; an exported file" in broken(report)["export"][0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("mine.py", "does not read like mine.py:Gate"),
        ("other.py:Gate", "there is no file 'other.py'"),
        ("mine.py:Gat", "there is no 'Gat', no class of a torch module; did you mean 'Gate'"),
        ("mine.py:F", "F is a module, no class"),
    ],
)
def test_what_names_no_class_is_refused(written, given, words):
    written(KEEPING)

    with pytest.raises(SpaceError, match=words):
        given_class(given)


def test_a_class_that_asks_for_more_than_channels_is_refused(written):
    given = written(KEEPING.replace("channels: int)", "channels: int, heads: int)"))

    with pytest.raises(SpaceError, match=r"mine.py:\d+: a gate is called with its channels alone"):
        check(given_class(given))


def test_a_syntax_error_is_named_with_its_line(written):
    given = written(KEEPING + "\ndef (:\n")

    with pytest.raises(SpaceError, match=r"mine.py:\d+: invalid syntax"):
        given_class(given)


def test_widths_that_a_module_refuses_are_stepped_over():
    report = check(modules.ShuffleAttention, quick=True)

    assert report.holds
    assert 64 not in report.costs
    assert 128 in report.costs


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    code = dedent(
        """
        import argparse, sys
        from search.commands import check
        from spaces import SpaceError
        parser = argparse.ArgumentParser()
        check.add(parser.add_subparsers())
        parsed = parser.parse_args(sys.argv[1:])
        try:
            sys.exit(parsed.run(parsed))
        except SpaceError as error:
            sys.exit(2)
        """
    )
    command = [sys.executable, "-c", code, "check", *arguments]
    environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_the_command_prints_one_document_and_exits_by_what_it_found(written, tmp_path):
    written(KEEPING.replace("sigmoid()", "float().sigmoid()"))

    done = run("mine.py:Gate", "--quick", "--json", folder=tmp_path)

    document = json.loads(done.stdout)
    assert done.returncode == 1
    assert document["holds"] is False
    assert document["site"] == "gate"
    rules = {one["rule"]: one for one in document["findings"]}
    assert rules["shapes"]["holds"] is True
    assert rules["bf16"]["holds"] is False
    assert rules["bf16"]["line"] == "mine.py:13"


KINDS = [name for name in modules.__all__ if hasattr(getattr(modules, name), "site")]
SAMPLE = [
    name for name in ("ECA", "MSPA", "SCSA", "DualAttention", "AFF", "Swish") if name in KINDS
]


@pytest.mark.parametrize("name", SAMPLE)
def test_a_module_of_every_site_holds(name):
    report = check(getattr(modules, name), quick=True)

    assert not broken(report)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_every_module_of_the_zoo_holds(name):
    report = check(getattr(modules, name), quick=True)

    assert not broken(report)
    assert {"compile", "cost", "training"} <= {one.rule for one in report.findings if one.holds}


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLE)
def test_a_module_of_every_site_can_be_exported(name):
    report = check(getattr(modules, name))

    assert not broken(report)
    assert "export" in {one.rule for one in report.findings if one.holds}
