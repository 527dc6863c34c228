"""From a run that was really trained to files: which training, which weights, what is said."""

import argparse
import contextlib
import io
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

import search.commands.export as verb
from search.confirmation import confirming
from search.exports import Exported
from search.facts import Winner
from search.place import Place, placed
from search.rows import Row
from search.study import Study
from search.winners import Wish, begun, confirmed, export, original, winners
from search.worker import recipe_of
from spaces import SpaceError
from tests.search.test_weights import Bomb, flip
from trials import checkpoint
from trials.trial import Result, Setting, Trial

SPACE = """\
\"\"\"What a gate does in a network of two blocks.\"\"\"
from functools import partial

from torch import Tensor, nn

from modules.attention.se import SE
from modules.backbones.resnet import resnet20
from spaces import Space, choice
from trials import Recipe


class Half(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.factor = 0.5

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


tiny = partial(Space, resnet20, depths=(1, 1), planes=8)
space = tiny(gate=choice(None, SE, Half))
baselines = {"plain": tiny()}
short = {"epochs": 1, "images": 200, "batch": 50, "augment": (), "precision": "fp32"}
digits = partial(Recipe, data="digits", **short)
recipes = {"quick": digits(seeds=(0, 1)), "papers": digits(select_on_test=True)}
"""
FAULT = Result("diverged", "the loss of epoch 1 is nan")


def trained(folder: Path, recipe: str = "quick", text: str = "") -> Place:
    """Run a space as a driver does; the last architecture's second seed diverges."""
    (folder / "mine.py").write_text(SPACE + text)
    place = placed(str(folder / "mine.py"), recipe, folder / "run")
    drive(place)
    return place


def drive(place: Place) -> None:
    with place.driven() as study:
        while proposal := study.ask(3):
            setting = Setting("cpu", folder=place.folder.path / "trials" / proposal.folder)
            recipe_ = recipe_of(place.experiment, proposal.architecture)
            trial = Trial(proposal.architecture.network, recipe_, proposal.seed, setting=setting)
            for epoch in trial:
                study.report(proposal.number, epoch)
            is_last = proposal.architecture.choices == {"gate": "Half"} and proposal.seed
            study.tell(proposal.number, FAULT if is_last else trial.result)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return trained(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def best(run: Place) -> tuple[Exported, str]:
    """The best of the run as the verb exports it, and what it prints."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert command(run.folder.path, "--pth", "--json") == 0
    (found,) = json.loads(printed.getvalue()).items()
    name, entry = found
    files = tuple(map(Path, entry["files"]))
    return Exported(name, files, Path(entry["manifest"]), entry), printed.getvalue()


def rows(place: Place) -> list[Row]:
    with place.reading() as study:
        return study.rows()


def row_of(place: Place, gate: str | None, seed: int) -> Row:
    found = [row for row in rows(place) if row.choices == {"gate": gate} and not row.name]
    return next(row for row in found if row.seed == seed)


def command(*words: object) -> int:
    top = argparse.ArgumentParser("search")
    verb.add(top.add_subparsers(required=True))
    parsed = top.parse_args(["export", *map(str, words)])
    code: int = parsed.run(parsed)
    return code


def chosen(place: Place, wish: Wish) -> dict[str, Winner]:
    with place.reading() as study:
        return winners(study, wish)


def told_of(place: Place, wish: Wish) -> dict[str, Any]:
    """What a file would say about the one training that is wished for."""
    with place.reading() as study:
        (winner,) = winners(study, wish).values()
        return dict(original(place, study, winner, wish.weights).about)


def test_the_best_has_the_best_mean_and_the_weights_of_its_best_seed(
    run: Place, best: tuple[Exported, str]
) -> None:
    groups: dict[str, list[Row]] = {}
    for row in rows(run):
        if not row.name and row.score is not None:
            groups.setdefault(row.key, []).append(row)
    held = max(groups.values(), key=lambda group: sum(row.score for row in group) / len(group))
    winner = max(held, key=lambda row: row.score)

    done, _ = best

    weights = run.folder.path / "trials" / winner.folder / "weights.state"
    expected = checkpoint.read(weights)
    state = torch.load(done.files[2], weights_only=True)
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    assert done.entry["about"]["training"] == winner.number
    assert done.entry["about"]["choices"] == winner.choices
    mean = sum(row.score for row in held) / len(held)
    assert done.entry["about"]["scores"]["accuracy"] == pytest.approx(mean, abs=1e-12)


def test_exports_lie_in_the_run_beside_a_manifest_that_says_the_same(
    run: Place, best: tuple[Exported, str]
) -> None:
    done, _ = best

    manifest = json.loads(done.manifest.read_text())["best"]
    names = ["best.py", "best.safetensors", "best.pth"]
    assert list(done.files) == [run.folder.path / "export" / name for name in names]
    assert done.entry.items() >= manifest.items()
    assert set(manifest["sha256"]) == set(names)


def test_a_person_reads_scores_files_and_proof(best: tuple[Exported, str]) -> None:
    done, _ = best

    lines = verb.as_text([done]).splitlines()

    assert lines[0].startswith("PREVIEW  best: gate=")
    assert any(line.startswith("    accuracy = 0.") for line in lines)
    assert any(line.startswith("    proved: equal to the last bit where there") for line in lines)
    assert {str(file) for file in done.files} <= set(lines)


def test_the_file_says_what_it_is_and_that_it_is_a_preview(
    run: Place, best: tuple[Exported, str]
) -> None:
    done, _ = best
    row = next(row for row in rows(run) if row.number == done.entry["about"]["training"])

    docstring = done.files[0].read_text().split('"""')[1]

    assert docstring.startswith("best: one network, in one file that needs nothing but torch.")
    assert "\nPREVIEW: a smaller network, or fewer images, than is meant" in docstring
    assert f"    params = {row.params:,}\n" in docstring
    assert f"    macs = {row.macs:,}\n" in docstring
    assert "    ptflops = " in docstring
    assert "    thop = " in docstring
    assert "    measured on = a validation split\n" in docstring


def test_what_is_said_names_every_seed(run: Place) -> None:
    both = [row_of(run, "SE", seed) for seed in (0, 1)]

    scores = told_of(run, Wish(trial=both[1].number))["scores"]

    mean = (both[0].score + both[1].score) / 2
    spread = abs(both[0].score - both[1].score) / 2**0.5
    assert scores == {
        "accuracy": pytest.approx(mean, abs=1e-12),
        "standard deviation": pytest.approx(spread, abs=1e-12),
        "seeds": [0, 1],
        "accuracy of each": [row.score for row in both],
        "seed of these weights": 1,
        "accuracy of these weights": both[1].score,
        "measured on": "a validation split",
    }


def test_the_front_is_exported_from_the_cheapest_on(run: Place) -> None:
    with run.reading() as study:
        expected = [dict(mean.choices) for mean in study.front()]

    found = chosen(run, Wish(front=True, name="mine"))

    assert list(found) == [f"mine_{place + 1}" for place in range(len(expected))]
    assert [dict(winner.row.choices) for winner in found.values()] == expected


def test_the_best_within_a_bound_keeps_it(run: Place) -> None:
    bound = row_of(run, None, 0).params

    found = chosen(run, Wish(at=(f"params<={bound}",)))

    assert found["best"].row.params <= bound
    assert found["best"].row.choices["gate"] != "SE"


def test_a_confirmation_decides_what_is_best_and_is_stated(run: Place, tmp_path: Path) -> None:
    shutil.copytree(run.folder.path, tmp_path / "copy")
    place = placed(str(tmp_path / "copy"))
    again = confirming(place, seeds=2)
    study = Study.open(again.experiment, place.folder.storage, name=again.study)
    scores = {None: (0.9, 0.92), "SE": (0.4, 0.5), "Half": (0.3, 0.3)}
    while proposal := study.ask(3):
        held = scores[None if proposal.name else proposal.architecture.choices["gate"]]
        study.tell(proposal.number, Result("complete", score=held[proposal.seed % 2]))
    study.close()

    judged = confirmed(place)

    with place.reading() as study:
        (winner,) = winners(study, Wish(), judged).values()
        about = original(place, study, winner, True).about
    assert len(judged) == 3
    assert winner.row.choices == {"gate": None}
    assert winner.row.seed in (0, 1)
    assert about["confirmed"]["accuracy"] == pytest.approx(0.91)
    assert about["confirmed"]["fresh seeds"] == 2
    assert "test set" in about["confirmed"]["measured on"]


def test_a_baseline_is_exported_by_its_number(run: Place) -> None:
    number = next(row.number for row in rows(run) if row.name == "plain")

    assert list(chosen(run, Wish(trial=number))) == [f"trial_{number}"]
    assert told_of(run, Wish(trial=number))["choices"] == {"baseline": "plain"}


def test_what_was_selected_on_the_test_set_says_so(tmp_path: Path) -> None:
    about = told_of(trained(tmp_path, "papers"), Wish())

    assert "selected on test" in about["scores"]["measured on"]
    assert about["remarks"] == ["scored on the test set"]


@pytest.mark.slow
def test_two_exports_of_a_training_are_the_same_to_the_last_byte(
    run: Place, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        export(run.folder.path, out=tmp_path / name, formats=("py", "pth"))

    first, second = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert first == second
    assert len(first) == 4


def refusal(place: Place, *words: object) -> str:
    with pytest.raises(SpaceError) as error:
        command(place.folder.path, "--out", place.folder.path / "refused", *words)
    assert not (place.folder.path / "refused").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--trial", 99], "there is no training 99; there is 0, 1, 2, 3, 4 … 7"),
        (["--trial", -1], "there is no training -1; there is 0, 1, 2, 3, 4 … 7"),
        (["--at", "latency<3"], "this run has no latency, only "),
        (["--at", "params<=3"], "has nothing to export: no architecture has trained to its end"),
        (["--at", "params"], "limit 'params' does not read like 'macs<=1.3e9'"),
        (["--name", "../best"], "'../best' cannot name a Python file that is imported"),
        (["--name", "a/b"], "'a/b' cannot name a Python file that is imported"),
        (["--format", "pt2", "--pth"], "pth goes with the .py, which is not asked for"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_a_line(
    run: Place, words: Iterable[object], told: str
) -> None:
    assert told in refusal(run, *words)


def test_a_training_that_failed_is_refused_with_its_reason(run: Place) -> None:
    number = row_of(run, "Half", 1).number

    told = refusal(run, "--trial", number)

    assert told == (
        f"training {number} ended as diverged: the loss of epoch 1 is nan; "
        "there is nothing to export of it"
    )


def test_what_is_there_stays_without_force(run: Place, tmp_path: Path) -> None:
    (tmp_path / "best.py").write_text("mine")

    with pytest.raises(SpaceError, match="is there already; --force replaces it"):
        command(run.folder.path, "--out", tmp_path)

    assert (tmp_path / "best.py").read_text() == "mine"


def test_a_space_that_was_not_run_is_refused_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SpaceError, match=r"nothing has been run in .*; `search run gates --recipe"):
        command("gates")


@pytest.fixture
def copy(run: Place, tmp_path: Path) -> Place:
    """The same run in another folder, to be damaged."""
    shutil.copytree(run.folder.path, tmp_path / "copy")
    return placed(str(tmp_path / "copy"))


def kept(place: Place, gate: str | None) -> tuple[Row, Path]:
    """A training and the file of its weights."""
    row = row_of(place, gate, 0)
    return row, place.folder.path / "trials" / row.folder / "weights.state"


def test_a_training_without_weights_says_so_and_gives_its_code(copy: Place) -> None:
    row, path = kept(copy, "SE")
    path.unlink()

    told = refusal(copy, "--trial", row.number)
    about = told_of(copy, Wish(trial=row.number, weights=False))

    assert f"training {row.number} keeps no weights" in told
    assert "--code-only writes its network without them" in told
    assert "accuracy of these weights" not in about["scores"]


def test_a_flipped_bit_in_the_weights_is_refused(copy: Place) -> None:
    row, path = kept(copy, "SE")
    flip(path)

    assert "weights.state is torn" in refusal(copy, "--trial", row.number)


def test_nothing_runs_in_weights_that_are_a_hostile_pickle(copy: Place, tmp_path: Path) -> None:
    row, path = kept(copy, "SE")
    checkpoint.write(path, {"stem.0.weight": Bomb(tmp_path / "trace")})

    assert "holds more than" in refusal(copy, "--trial", row.number)
    assert not (tmp_path / "trace").exists()


def test_weights_of_another_network_are_refused(copy: Place) -> None:
    row, path = kept(copy, "SE")
    _, other = kept(copy, None)
    shutil.copy(other, path)

    assert "the state does not fit the network; it lacks: " in refusal(copy, "--trial", row.number)


def test_a_training_whose_code_has_changed_is_refused(copy: Place) -> None:
    row, _ = kept(copy, "Half")
    file = copy.folder.path / "space" / "mine.py"
    file.write_text(file.read_text().replace("self.factor = 0.5", "self.factor = 0.25"))

    told = refusal(copy, "--trial", row.number)

    assert f"training {row.number} was made with another mine.py; go back to that" in told


def test_a_run_is_read_as_it_was_when_its_space_file_has_changed_since(
    copy: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    copy.folder.path.rename(tmp_path / "runs" / "mine" / "quick")
    (tmp_path / "mine.py").write_text(SPACE.replace("self.factor = 0.5", "self.factor = 0.25"))
    monkeypatch.chdir(tmp_path)

    place = begun("mine.py")

    about = told_of(place, Wish(trial=row_of(place, "Half", 0).number))
    assert about["choices"] == {"gate": "Half"}


def test_what_does_not_prove_right_ends_with_4_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = trained(
        tmp_path,
        text="""
from importlib import import_module


class Sly(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.gate = import_module("modules").SE(channels)

    def forward(self, x):
        return self.gate(x)


space = tiny(gate=Sly)
""",
    )

    code = command(place.folder.path)

    assert code == 4
    assert "best.py does not run by itself: ImportError" in capsys.readouterr().err
    assert not (place.folder.path / "export").exists()
