"""Tables: numbers that read back, marks that are escaped, LaTeX that compiles."""

import csv
import io
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from search.escaped import harmless
from search.findings import Findings
from search.tables import architectures, as_latex, as_markdown, table, trainings
from tests.search.findings import found
from tests.search.studies import LARGE, SEEDS, written

HOSTILE = ["<script>alert(1)</script>", "../../x", "a|b*c_d`e", "50 % & $x$ #1 {~^\\}", "ω×±–é"]


@pytest.fixture
def findings(tmp_path: Path) -> Findings:
    return found(written(tmp_path, SEEDS), 6, seeds=3)


def hostile(findings: Findings) -> Findings:
    """Give every architecture a baseline's name that nobody should trust."""
    rows = [
        replace(row, name=HOSTILE[place % len(HOSTILE)]) for place, row in enumerate(findings.rows)
    ]
    return replace(findings, rows=tuple(rows))


def test_the_csv_of_architectures_reads_back_to_the_same_numbers(findings: Findings) -> None:
    rows = list(csv.DictReader(io.StringIO(architectures(findings))))

    assert len(rows) == len(findings.means)
    for row, mean in zip(rows, findings.means, strict=True):
        assert float(row["mean"]) == mean.mean
        assert float(row["std"]) == mean.std
        assert int(row["macs"]) == mean.figures["macs"]
        assert int(row["width"]) == mean.choices["width"]
        assert (row["front"] == "yes") == (mean in findings.front)


def test_the_csv_of_trainings_reads_back_to_the_same_numbers(findings: Findings) -> None:
    rows = list(csv.DictReader(io.StringIO(trainings(findings))))

    assert len(rows) == len(findings.rows)
    for line, row in zip(rows, findings.rows, strict=True):
        assert int(line["trial"]) == row.number
        assert (float(line["score"]) if line["score"] else None) == row.score
        assert (line["status"], line["reason"]) == (row.status, row.reason)


def test_a_name_is_no_formula_to_a_spreadsheet_and_a_number_stays_one() -> None:
    assert harmless("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert harmless("@x") == "'@x"
    assert harmless(-0.5) == -0.5
    assert harmless("SE") == "SE"


def test_the_best_score_is_bold_and_has_its_deviation(findings: Findings) -> None:
    held = table(findings, findings.means)

    best = min(findings.means, key=lambda mean: -mean.mean)
    assert best.std is not None
    text = f"{100 * best.mean:.2f} ± {100 * best.std:.2f}"
    assert f"**{text}**" in as_markdown(held)
    printed = text.replace("±", r"$\pm$")
    assert f"\\textbf{{{printed}}}" in as_latex(held, "x")
    assert as_markdown(held).count("**") == 2


def test_markdown_renders_as_a_table_in_which_every_name_reads_as_it_is(
    findings: Findings,
) -> None:
    strange = hostile(findings)

    tokens = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .parse(as_markdown(table(strange, strange.means)))
    )

    cells = [
        "".join(child.content for child in token.children or [] if child.type == "text")
        for place, token in enumerate(tokens)
        if token.type == "inline" and tokens[place - 1].type == "td_open"
    ]
    names = [mean.name for mean in strange.means]
    assert [cell for cell in cells if cell in names] == names
    assert not any(token.type.startswith("html") for token in tokens)


def test_many_choices_share_a_column(tmp_path: Path) -> None:
    gates = "gate={f's{i}': choice(None, Scale) for i in range(8)}"
    text = (
        f"def many(width=8, gate=None, num_classes=10):\n    return tiny(width)\n"
        f"space = Space(many, {gates})\n"
        'recipes = {"quick": Recipe(data="clutter", epochs=2)}\n'
    )
    findings = found(written(tmp_path, text), 3)

    held = table(findings, findings.means)

    assert held.heads[1] == "choices"
    assert held.rows[0][1].count(",") == 7


def test_the_unit_of_a_column_suits_its_largest_figure(tmp_path: Path) -> None:
    findings = found(written(tmp_path, LARGE), 3)

    heads = table(findings, findings.means).heads

    assert "FLOPs (M)" in heads or "FLOPs (G)" in heads
    assert "Params (M)" in heads


@pytest.mark.slow
def test_latex_compiles_with_every_name_in_it(findings: Findings, tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        pytest.skip("there is no pdflatex; Debian's texlive-latex-recommended has it")
    strange = hostile(findings)
    body = as_latex(table(strange, strange.means), HOSTILE[3]) + as_latex(
        table(findings, findings.means), "plain"
    )
    document = (
        "\\documentclass{article}\\usepackage[T1]{fontenc}\\usepackage{booktabs}"
        f"\\begin{{document}}\n{body}\\end{{document}}\n"
    )
    (tmp_path / "paper.tex").write_text(document, encoding="utf-8")

    ended = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout.decode(errors="replace")[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000
