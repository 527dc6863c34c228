"""A study as a page: what is on it, and that there is one whatever the study has come to."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from search import report
from search.experiment import Experiment, load
from search.findings import Findings, of, read
from search.methods import methods
from search.report import FIGURES, Options, dashboard, figure, without_words, write
from search.run_folder import RunFolder, create
from search.stamps import stamps
from search.study import Study
from spaces import SpaceError
from tests.search.browsing import BROWSER, visited
from tests.search.findings import found
from tests.search.studies import LARGE, SEEDS, SPACE, TINY, train, written
from trials.epoch import Epoch
from trials.trial import Result

Studied = Callable[..., Findings]
PLACES = """\
def staged(width=8, gate=None, num_classes=10):
    return tiny(width, gate=(gate or {}).get("stage1"))


space = Space(staged, gate={f"stage{i}": choice(None, Scale, Wide) for i in (1, 2, 3)})
"""
RECIPES = 'recipes = {"quick": Recipe(data="clutter", epochs=2)}\n'


@pytest.fixture
def studied(tmp_path: Path) -> Studied:
    """Drive a study of a space file by a function, and read it."""

    def drive(
        act: Callable[[Study], object], text: str = SPACE, limits: tuple[str, ...] = ()
    ) -> Findings:
        experiment = written(tmp_path, text, limits)
        study = Study.open(experiment, str(tmp_path / "study.db"))
        act(study)
        study.close()
        return read(experiment, str(tmp_path / "study.db"))

    return drive


def failed(study: Study) -> None:
    """Let every training fail in a way of its own."""
    while proposal := study.ask(4):
        study.tell(proposal.number, Result("diverged", reason=f"nan at step {proposal.number}"))


def asked(study: Study) -> None:
    """Ask, and never tell."""
    study.ask(4)


def only_the_baseline(study: Study) -> None:
    """Train the baseline and nothing else."""
    train(study, budget=4, most=1)


def one_architecture(study: Study) -> None:
    """Train the baseline and one architecture."""
    train(study, budget=4, most=2)


def stopped(study: Study) -> None:
    """Stop every training after its first epoch, in which the loss was not a number."""
    while proposal := study.ask(4):
        curve = (Epoch(1, float("nan"), float("nan")),)
        study.tell(proposal.number, Result("stopped", reason="it was behind", curve=curve))


@pytest.mark.parametrize(
    ("act", "text", "limits", "sentence"),
    [
        (asked, SPACE, (), "No architecture of the space has been trained yet."),
        (only_the_baseline, SPACE, (), "No architecture of the space has been trained yet."),
        (failed, SPACE, (), "No architecture of the space has trained to the end: 4 diverged."),
        (stopped, SPACE, (), "No architecture of the space has trained to the end: 4 stopped."),
        (train, SPACE, ("accuracy>=0.95",), "keeps the limits: accuracy>=0.95."),
        (train, SPACE, ("macs<=1",), "6 were rejected before training."),
        (one_architecture, SPACE, (), ""),
        (train, SPACE + 'objectives = ["accuracy"]\n', (), ""),
        (train, SPACE + 'objectives = ["params", "macs"]\n', (), ""),
        (train, SPACE + 'objectives = ["accuracy", "macs", "params"]\n', (), ""),
        (train, SEEDS, (), ""),
        (train, "space = Space(tiny)\n" + RECIPES, (), ""),
        (train, PLACES + RECIPES, (), ""),
    ],
)
def test_whatever_a_study_has_come_to_there_is_a_page_or_a_sentence(
    studied: Studied,
    tmp_path: Path,
    act: Callable[[Study], object],
    text: str,
    limits: tuple[str, ...],
    sentence: str,
) -> None:
    findings = studied(act, text, limits)

    files = write(findings, tmp_path / "out", Options())

    assert sentence in findings.absence
    assert bool(findings.absence) == bool(sentence)
    assert {file.name for file in files} == {
        "report.html",
        "table.md",
        "table.tex",
        "architectures.csv",
        "trials.csv",
        "methods.md",
    }
    page = (tmp_path / "out" / "report.html").read_text()
    assert findings.absence.replace(">=", "&gt;=").replace("<=", "&lt;=") in page
    for draw in FIGURES.values():
        held = draw(findings)
        assert held.drawn or held.caption


def test_a_figure_is_plotly_s_own_and_one_that_cannot_be_is_told(
    studied: Studied, tmp_path: Path
) -> None:
    experiment = written(tmp_path, SPACE)
    study = Study.open(experiment, str(tmp_path / "study.db"))
    train(study, budget=6)

    front = figure(study, "front")

    assert [trace.name for trace in front.data if trace.name] == [
        "tried",
        "front: width · kernel",
        "baseline",
    ]
    # nothing but the front's own points lies on the line along it
    best = study.front()
    assert list(front.data[1].x) == [mean.figures["macs"] for mean in best]
    assert list(front.data[1].y) == [100 * mean.mean for mean in best]
    with pytest.raises(SpaceError, match=r"no figure 'frnt'; .*did you mean 'front'"):
        figure(study, "frnt")
    with pytest.raises(SpaceError, match=r"no figure 'places'\. This space has no two places"):
        figure(study, "places")
    assert {"front", "heat", "effects", "importance", "curves", "progress"} == set(dashboard(study))
    study.close()


def test_what_the_dashboard_is_to_keep_stays_small(tmp_path: Path) -> None:
    findings = found(written(tmp_path, LARGE.replace("4, 44, 4", "4, 404, 1")), 1200)

    for name, draw in FIGURES.items():
        if drawn := draw(findings).drawn:
            assert len(json.dumps(without_words(drawn))) < 200_000, name


def test_an_open_study_and_its_file_tell_the_same(studied: Studied, tmp_path: Path) -> None:
    experiment = written(tmp_path, SPACE, ("macs<=50000",))
    study = Study.open(experiment, str(tmp_path / "study.db"))
    train(study)

    told, held = of(study), read(experiment, str(tmp_path / "study.db"))

    assert told.rows == held.rows
    assert told.counts == held.counts == study.counts()
    assert told.front == held.front == study.front()
    assert told.best == study.best()
    assert {status for status, _ in held.untrained} == {"over a limit"}
    assert all("is past macs<=50000" in reason for _, reason in held.untrained)
    study.close()


def test_a_moved_run_folder_is_read_without_its_data(tmp_path: Path) -> None:
    text = SPACE.replace('"clutter"', f'"folder:{tmp_path / "images"}"')
    before = load_with(tmp_path, text)
    folder = create(tmp_path / "run", before, {})
    study = Study.open(before, folder.storage)
    train(study, budget=4)
    study.close()
    shutil.copytree(tmp_path / "run", tmp_path / "moved")
    shutil.rmtree(tmp_path / "run")
    (tmp_path / "mine.py").unlink()

    moved = RunFolder(tmp_path / "moved")
    findings = read(load(str(moved.space), **moved.about), moved.storage)
    write(findings, tmp_path / "out", Options())

    assert len(findings.candidates) == 4


def load_with(folder: Path, text: str) -> Experiment:
    """Load a space whose images are not there, at a shape that is told."""
    (folder / "mine.py").write_text(TINY + text)
    return load(str(folder / "mine.py"), "quick", shape=(3, 32, 32), classes=10)


def test_a_study_that_is_not_there_is_told_and_none_is_begun(tmp_path: Path) -> None:
    experiment = written(tmp_path, SPACE)

    with pytest.raises(SpaceError, match="holds no study 'mine/quick'; `search run` begins one"):
        read(experiment, str(tmp_path / "study.db"))

    assert not (tmp_path / "study.db").exists()


def test_preview_and_test_set_stand_on_everything(tmp_path: Path) -> None:
    text = SPACE.replace("epochs=2", "epochs=2, images=500, select_on_test=True")
    findings = found(written(tmp_path, text), 6)
    assert findings.stamps == ("PREVIEW", "selected on the test set")

    files = write(findings, tmp_path / "out", Options())

    for name, draw in FIGURES.items():
        if drawn := draw(findings).drawn:
            notes = [note["text"] for note in drawn["layout"]["annotations"]]
            assert "<b>PREVIEW · selected on the test set</b>" in notes, name
    for file in files:
        text = file.read_text()
        assert "PREVIEW" in text, file.name
        assert "selected on the test set" in text, file.name
    assert "test accuracy (%)" in (tmp_path / "out" / "report.html").read_text()


def test_a_set_of_images_that_was_encoded_again_says_so(tmp_path: Path) -> None:
    (tmp_path / "cifar10-jpeg").mkdir()
    text = SPACE.replace('"clutter"', f'"folder:{tmp_path / "cifar10-jpeg"}"')

    experiment = load_with(tmp_path, text)

    assert stamps(experiment) == ("JPEG re-encoding",)
    assert "JPEG re-encoding" in methods(Findings(experiment, "x", ()))


def test_what_is_asked_for_and_unknown_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    findings = found(written(tmp_path, SPACE), 3)
    out = tmp_path / "out"

    with pytest.raises(SpaceError, match="knows no latency of its trials; it has macs, params"):
        write(findings, out, Options(price="latency"))
    with pytest.raises(SpaceError, match="pictures as 'gif' are not known; it is one of svg"):
        write(findings, out, Options(formats=("gif",)))
    with pytest.raises(SpaceError, match="no choice 'widht' in this space; did you mean 'width'"):
        write(findings, out, Options(choices=("widht", "kernel")))

    assert not out.exists()


def test_a_report_as_json_is_one_document(tmp_path: Path) -> None:
    findings = found(written(tmp_path, SEEDS), 4, seeds=2)

    told = json.loads(report.document(findings, [tmp_path / "report.html"]))

    assert told["front"][0]["seeds"] == 2
    assert len(told["front"]) == len(findings.front)
    assert told["counts"] == {"complete": 8}


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="there is no Chromium to open the page with")
def test_hostile_names_do_nothing_in_a_browser(tmp_path: Path) -> None:
    marks = "<img src=x onerror='window.marked=1'><script>window.marked=1</script>"
    bad = ["</script>" + marks, "../../x", "javascript:1", marks + "x" * 1_000_000]
    findings = found(written(tmp_path, LARGE), 12)
    rows = tuple(
        replace(
            row,
            name=bad[place] if place < 4 else "",
            choices={**row.choices, "kernel": marks},
            reason=marks * 3,
            flags=(marks,),
        )
        for place, row in enumerate(findings.rows)
    )
    strange = replace(findings, rows=rows, title=marks, untrained={(marks, marks): 3})

    write(strange, tmp_path / "out", Options())
    page = (tmp_path / "out" / "report.html").read_text()
    told = json.loads(visited(page, "window.whole = 1; dispatchEvent(new Event('beforeprint'))"))

    assert not told["waiting"]
    assert told["marks"] == 0
    assert told["strange"] == 0
    assert told["faults"] == []
    assert "onerror='window.marked=1'" in told["text"]
    assert len(page) < 6e6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.py", "out"]


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="there is no Chromium to open the page with")
def test_five_thousand_trials_make_a_page_that_is_small_and_opens_at_once(tmp_path: Path) -> None:
    gates = "gate={f's{i}': choice(None, Scale, Wide, one=Scale) for i in range(9)}"
    text = (
        "def many(width=8, gate=None, num_classes=10):\n    return tiny(width)\n\n\n"
        f"space = Space(many, width=choice(4, 8), {gates})\n{RECIPES}"
    )
    findings = found(written(tmp_path, text), 5000)

    write(findings, tmp_path / "out", Options())
    page = (tmp_path / "out" / "report.html").read_text()
    visits = [json.loads(visited(page)) for _ in range(3)]

    assert len(page) < 15e6
    assert visits[0]["rows"] == 50
    assert "50" in visits[0]["text"]
    assert "5,000 of 5,000" in visits[0]["text"]
    # the quickest of three, as others may use this machine
    assert min(visit["ms"] for visit in visits) < 3000


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="there is no Chromium to open the page with")
def test_the_table_of_the_page_is_sorted_and_filtered(tmp_path: Path) -> None:
    findings = found(written(tmp_path, LARGE), 40)
    write(findings, tmp_path / "out", Options())
    page = (tmp_path / "out" / "report.html").read_text()
    filtered = "const f = document.querySelector('input'); f.value = 'stopped'; "
    filtered += "f.dispatchEvent(new Event('input'));"
    by_score = "document.querySelectorAll('.trials th')[6].click();" * 2

    stopped = json.loads(visited(page, filtered))
    ordered = json.loads(visited(page, by_score))

    assert stopped["rows"] == 4
    assert "4 of 40" in stopped["text"]
    best = max(findings.means, key=lambda mean: mean.mean)
    assert ordered["first"].split("\t")[0] == str(best.numbers[0])
