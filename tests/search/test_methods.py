"""The methods paragraph says what it was told, and what it does not know."""

from pathlib import Path

from search.findings import Findings
from search.methods import methods, noted
from tests.search.findings import found
from tests.search.studies import SEEDS, SPACE, written

VERSIONS = {
    "python": "3.11.7",
    "system": "Linux",
    "torch": "2.15.0",
    "optuna": "5.0.0",
    "hardware": "2 GPUs of type H200",
}


def test_everything_that_decides_the_numbers_is_named(tmp_path: Path) -> None:
    findings = found(written(tmp_path, SEEDS, ("macs<=1e9",)), 6, seeds=3)

    text = methods(findings, [VERSIONS])

    for words in (
        "The space mine holds 6 architectures by its choices width, kernel.",
        "maximize accuracy and minimize macs within macs<=1e+09",
        "Baselines, trained alike: plain.",
        "2 epochs in batches of 128 by SGD (Nesterov momentum 0.9, weight decay 0.0005)",
        "seeds 0, 1, 2.",
        "validation split (10% of the training images",
        "the test set was not looked at",
        "mean and sample standard deviation over seeds",
        "one image of 3×32×32",
        "Trials: 17 complete, 1 stopped.",
        "Hardware: 2 GPUs of type H200; Linux.",
        "torch 2.15.0, optuna 5.0.0",
    ):
        assert words in text, words


def test_a_score_on_the_test_set_is_called_one(tmp_path: Path) -> None:
    findings = found(written(tmp_path, SPACE.replace("=2)", "=2, select_on_test=True)")), 3)

    text = methods(findings)

    assert "on the test set: architectures were selected on the test set." in text
    assert "was not looked at" not in text


def test_what_nobody_noted_is_said_to_be_unknown(tmp_path: Path) -> None:
    experiment = written(tmp_path, SPACE)

    text = methods(Findings(experiment, "x", ()), noted(tmp_path))

    assert "Hardware and software were not noted." in text
    assert "Trials: none." in text


def test_damaged_notes_are_no_notes(tmp_path: Path) -> None:
    (tmp_path / "versions.json").write_text("[{")

    assert noted(tmp_path) == []
