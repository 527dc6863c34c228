"""Pictures at a column's width, by a browser and by matplotlib, and the words where neither is."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from search import browser, pictures
from search.figures.front import front
from search.figures.names import box, overlap
from search.figures.style import Drawn
from search.pictures import Job, narrow, save
from search.report import FIGURES
from spaces import SpaceError
from tests.search.browsing import BROWSER
from tests.search.findings import found
from tests.search.studies import LARGE, written

POINTS = 84 / 25.4 * 72
"""84 mm, the width of a column."""


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Drawn]:
    """Return every figure of a study with seeds."""
    findings = found(written(tmp_path_factory.mktemp("space"), LARGE), 12, seeds=2)
    pictures = {name: draw(findings) for name, draw in FIGURES.items()}
    return {name: held.drawn for name, held in pictures.items() if held.drawn}


def check(folder: Path, names: dict[str, Drawn]) -> None:
    """Tell formats and widths by what is in the files."""
    for name in names:
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        pdf = (folder / f"{name}.pdf").read_bytes()
        width = re.search(rb"/MediaBox ?\[ ?0 0 ([\d.]+)", pdf)
        assert width
        assert float(width[1]) == pytest.approx(POINTS, rel=0.01)
        assert "<svg" in (folder / f"{name}.svg").read_text()[:2000]


def without_browser(_: list[Job]) -> list[bytes]:
    """Stand for a machine where kaleido finds no browser."""
    raise RuntimeError("Kaleido requires Google Chrome\nand more")


@pytest.mark.slow
def test_matplotlib_draws_every_figure_where_there_is_no_browser(
    figures: dict[str, Drawn],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(browser, "images", without_browser)

    files = save(figures, tmp_path, ("svg", "pdf", "png"))

    check(tmp_path, figures)
    assert len(files) == 3 * len(figures)
    told = capsys.readouterr().err
    assert told == "drawing with matplotlib, there is no browser: Kaleido requires Google Chrome\n"


def test_without_browser_and_matplotlib_it_is_said_what_to_install(
    figures: dict[str, Drawn], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "images", without_browser)
    monkeypatch.setitem(sys.modules, "search.canvas", None)
    monkeypatch.delattr("search.canvas", raising=False)

    with pytest.raises(
        SpaceError, match=r"neither is here \(Kaleido requires Google Chrome\): pip"
    ):
        save(figures, tmp_path, ("svg",))

    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="there is no Chromium to draw with")
def test_a_browser_draws_every_figure(figures: dict[str, Drawn], tmp_path: Path) -> None:
    pytest.importorskip("kaleido")

    contents = browser.images([(narrow(held), "png") for held in figures.values()][:1])
    save(figures, tmp_path, ("svg", "pdf", "png"))

    assert contents[0].startswith(b"\x89PNG")
    check(tmp_path, figures)


@pytest.mark.parametrize("shrink", [dict, narrow])
def test_names_beside_points_do_not_lie_on_each_other(
    tmp_path: Path, shrink: Callable[[Drawn], Drawn]
) -> None:
    drawn = front(found(written(tmp_path, LARGE), 40)).drawn
    assert drawn
    layout = shrink(drawn)["layout"]
    size = pictures.AXES if shrink is narrow else (980, 390)

    boxes = [
        box(note, layout, *size) for note in layout["annotations"] if note.get("xref") != "paper"
    ]

    assert len(boxes) >= 2
    assert not any(
        overlap(one, other) for place, one in enumerate(boxes) for other in boxes[:place]
    )
