"""What an architecture makes of images, from a run that was really trained to a page."""

import argparse
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import search.commands.explain as verb
from search.explain import Explained, explain, places, restored
from search.explained import heated, page, png, sheet
from search.place import Place
from search.scoring import images_of
from spaces import SpaceError
from tests.search.test_winners import trained as run_of
from trials.data import load


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return run_of(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def explained(run: Place) -> Explained:
    with run.reading() as study:
        number = next(row.number for row in study.rows() if row.choices == {"gate": "SE"})
    return explain(run, number, count=12)


def command(*words: object) -> None:
    top = argparse.ArgumentParser("search")
    verb.add(top.add_subparsers(required=True))
    parsed = top.parse_args(["explain", *map(str, words)])
    parsed.run(parsed)


def test_an_architecture_stands_beside_the_baseline_of_its_seed(explained: Explained) -> None:
    assert [one.title for one in explained.seen] == ["gate=SE", "plain"]
    assert all(one.maps.shape == (12, 8, 8) for one in explained.seen)
    assert list(explained.seen[0].gates) == ["stage1", "stage2"]
    assert explained.seen[1].gates == {}


def test_the_images_are_of_the_validation_split_class_by_class(
    run: Place, explained: Explained
) -> None:
    data = load(run.experiment.recipe_value)

    assert explained.labels == (*range(10), 0, 1)
    picked = places(data, 12)
    assert torch.equal(explained.images, data.validation.images[picked])
    assert "validation" in explained.provenance


def test_guesses_are_those_of_the_trained_weights(run: Place, explained: Explained) -> None:
    with run.reading() as study:
        row = next(row for row in study.rows() if row.number == explained.seen[0].number)
    data = images_of(run.experiment.recipe_value, None, run.experiment)

    network = restored(run, row)
    mean, std = (torch.tensor(one)[:, None, None] for one in (data.mean, data.std))
    with torch.no_grad():
        logits = network((explained.images / 255 - mean) / std)

    assert tuple(logits.argmax(1).tolist()) == explained.seen[0].guesses
    assert logits.softmax(1).amax(1).numpy() == pytest.approx(explained.seen[0].chances, abs=1e-4)


def test_a_page_and_a_picture_are_written(run: Place, capsys: pytest.CaptureFixture[str]) -> None:
    command(run.folder.path, "--images", 3, "--json")

    document = json.loads(capsys.readouterr().out)
    text = Path(document["page"]).read_text()
    assert text.count("<img") == 9
    assert "http" not in text.replace("http-equiv", "")
    picture = Path(document["page"]).with_suffix(".png").read_bytes()
    assert Image.open(io.BytesIO(picture)).size == (3 * 168, 3 * 168)


def test_hostile_names_are_escaped(explained: Explained) -> None:
    evil = "<script>alert(1)</script>" * 1000
    first = replace(explained.seen[0], title=evil, gates={evil: explained.seen[0].gates["stage1"]})
    held = replace(explained, title=evil, classes=(evil,) * 10, seen=(first,))

    text = page(held)

    assert "<script" not in text
    assert len(text) < len(page(explained)) + 10_000


def test_a_picture_reads_back_to_its_pixels() -> None:
    pixels = torch.randint(0, 256, (5, 7, 3), dtype=torch.uint8)

    read = np.asarray(Image.open(io.BytesIO(png(pixels))))

    assert read.tolist() == pixels.tolist()


def test_heat_is_dark_where_nothing_is_seen_and_light_where_most_is() -> None:
    image = torch.full((3, 8, 8), 128, dtype=torch.uint8)
    seen = torch.zeros(8, 8)
    seen[:, 4:] = 1

    brightness = heated(image, seen).float().mean(2)

    assert brightness[80, 10] < 80 < 160 < brightness[80, 150]


def test_what_cannot_be_explained_is_said(run: Place) -> None:
    with run.reading() as study:
        failed = next(row.number for row in study.rows() if row.status == "diverged")

    with pytest.raises(SpaceError, match="there is no trial 99"):
        explain(run, 99)
    with pytest.raises(SpaceError, match=f"trial {failed} is diverged"):
        explain(run, failed)
    with pytest.raises(SpaceError, match="there is no baseline 'SE'; there are plain"):
        explain(run, beside="SE")


def test_the_sheet_has_a_row_for_the_images_and_each_network(explained: Explained) -> None:
    picture = Image.open(io.BytesIO(sheet(explained)))

    assert picture.size == (12 * 168, 3 * 168)
