"""The note beside a trial in the dashboard: what it tells, and that nothing in it acts."""

from dataclasses import replace
from pathlib import Path

from markdown_it import MarkdownIt

from search.notes import curve, note
from tests.search.findings import found
from tests.search.studies import LARGE, written


def test_a_note_has_choices_costs_curve_and_reason(tmp_path: Path) -> None:
    findings = found(written(tmp_path, LARGE), 10)

    told, stopped = note(findings.rows[0], ("PREVIEW",)), note(findings.rows[9])

    row = findings.rows[0]
    assert told.startswith("**PREVIEW**\n")
    assert f"| width | {row.choices['width']} |" in told
    assert f"({row.macs:,})" in told
    assert f"accuracy **{row.score:.4f}**, complete" in told
    assert "▁" in told
    assert "█" in told
    assert "stopped: its reader left after epoch 2" in stopped


def test_a_curve_is_drawn_from_its_lowest_to_its_highest_score() -> None:
    assert curve([0.1, 0.2, 0.8]) == "`▁▂█` 0.1000 → 0.8000 in 3 epochs"
    assert curve([0.5, 0.5]) == "`▁▁` 0.5000 → 0.5000 in 2 epochs"
    assert curve([float("nan")]) == ""
    assert len(curve([step / 1000 for step in range(1000)]).split("`")[1]) <= 60


def test_a_hostile_name_is_shown_and_does_nothing(tmp_path: Path) -> None:
    (row,) = found(written(tmp_path, LARGE), 1).rows
    marks = "<script>x</script> [a](javascript:1) | ![i](x) `c` **b**\n# head" + "y" * 10**6

    told = note(replace(row, name=marks, reason=marks, flags=(marks,)))

    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(told)
    kinds = {child.type for token in tokens for child in [token, *(token.children or [])]}
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "heading_open"}
    assert len(told) < 2000
