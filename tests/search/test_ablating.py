"""An ablation of a run that was really trained, from the verb to its files."""

import argparse
import json
import re
from pathlib import Path

import pytest

import search.commands.ablate as verb
from search.ablating import centre, trained
from search.place import Place
from search.summary import summary
from spaces import SpaceError
from tests.search.test_winners import trained as run_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return run_of(tmp_path_factory.mktemp("run"))


def command(*words: object) -> int:
    top = argparse.ArgumentParser("search")
    verb.add(top.add_subparsers(required=True))
    parsed = top.parse_args(["ablate", *map(str, words)])
    code: int = parsed.run(parsed)
    return code


def test_an_ablation_goes_around_the_best_a_trial_or_what_is_written(run: Place) -> None:
    rows = {row.number: row for row in trained(run)}
    number, row = next(pair for pair in rows.items() if pair[1].choices == {"gate": "SE"})

    with run.reading() as study:
        assert centre(run, "best") == study.best().choices
    assert centre(run, str(number)) == row.choices
    assert centre(run, "gate=Half") == {"gate": "Half"}


@pytest.mark.parametrize(
    ("around", "words"),
    [
        ("plain", "'plain' is neither best nor the number of a trial"),
        ("99", "has no trial 99"),
        ("0", "trial 0 is the baseline 'plain', not of the space"),
        ("gate=SEE", "gate = 'SEE'"),
    ],
)
def test_what_an_ablation_cannot_go_around_is_said(run: Place, around: str, words: str) -> None:
    with pytest.raises(SpaceError, match=words):
        centre(run, around)


def test_the_plan_and_its_price_come_first_and_nothing_is_trained(
    run: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    before = trained(run)

    code = command(run.folder.path, "--around", "gate=SE", "--seeds", 3, "--dry-run")

    lines = capsys.readouterr().out.splitlines()
    assert code == 0
    assert [line.split("  ")[1].strip() for line in lines[:-1]] == [
        "full",
        "without gate (plain)",
        "gate = Half",
    ]
    # both seeds of two rows are there; the third has failed once and is not tried again
    assert lines[-1].startswith("3 rows, 3 seeds: 2 trainings are missing")
    assert trained(run) == before


def test_only_what_is_missing_is_trained_with_the_same_seeds(
    run: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {row.number for row in trained(run)}
    about = run.folder.about

    words = ("--around", "gate=SE", "--seeds", 3, "--match", "params", "--workers", 0)
    code = command(run.folder.path, *words, "--json")

    printed = capsys.readouterr()
    document = json.loads(printed.out)
    counted = re.findall(r"\[(\d+) of (\d+) trainings", printed.err)
    after = [row for row in trained(run) if row.number not in before]
    assert code == 0
    assert {(row.name or row.choices["gate"], row.seed) for row in after} >= {
        ("plain", 2),
        ("SE", 2),
    }
    assert [(int(done), int(every)) for done, every in counted] == [
        (place, len(after)) for place in range(1, len(after) + 1)
    ]
    assert document["seeds"] == [0, 1, 2]
    kinds = {row["row"]: row for row in document["rows"]}
    assert kinds["full"]["seeds"] == kinds["without gate (plain)"]["seeds"] == 3
    assert document["residual"] > 0
    assert run.folder.about == about
    (table,) = (run.folder.path / "ablation").glob("*.md")
    assert "without gate" in table.read_text()
    assert table.with_suffix(".tex").is_file() and table.with_suffix(".csv").is_file()


def test_a_run_that_has_not_begun_can_be_ablated_around_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.search.test_winners import SPACE

    file = tmp_path / "mine.py"
    file.write_text(SPACE)
    place = ("--out", tmp_path / "run")

    assert command(file, *place, "--around", "gate=Half", "--dry-run") == 0
    with pytest.raises(SpaceError, match="nothing has been run in"):
        command(file, *place, "--dry-run")
    assert "3 rows, 2 seeds: 6 trainings are missing" in capsys.readouterr().out


WIDE = """
wide = partial(Space, resnet20, depths=(1, 1), planes=40)
space = wide(gate=choice(None, partial(SE, reduction=2), Half))
baselines = {"plain": wide()}
"""


def test_a_run_is_read_as_before_when_networks_outside_of_its_space_were_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = run_of(tmp_path, text=WIDE)
    words = ("--around", "gate=SE", "--match", "params", "--workers", 0, "--quiet")

    code = command(place.folder.path, *words, "--json")

    document = json.loads(capsys.readouterr().out)
    outside = {row["row"]: row for row in document["rows"] if "planes" in row["choices"]}
    assert code == 0
    assert [*outside] == ["without gate (plain), planes = 41", "gate = Half, planes = 41"]
    assert all(row["seeds"] == 2 for row in outside.values())
    with place.reading() as study:
        named = {line.mean.name for line in summary(study) if line.mean.name}
    assert named == {"plain", *(row["name"] for row in outside.values())}
