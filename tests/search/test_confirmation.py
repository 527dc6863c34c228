"""A front confirmed on the test set, from a run that was really trained."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import search.commands.confirm as verb
from search.ablated import Ablated
from search.ablating import trained
from search.confirmation import FRESH, confirming, opened, selected
from search.place import Place, placed
from spaces import SpaceError
from tests.search.test_winners import SPACE
from tests.search.test_winners import trained as run_of
from trials.data import from_splits, load
from trials.recipe import Recipe
from trials.split import Files, Split, joined


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return run_of(tmp_path_factory.mktemp("run"))


def command(*words: object) -> int:
    top = argparse.ArgumentParser("search")
    verb.add(top.add_subparsers(required=True))
    parsed = top.parse_args(["confirm", *map(str, words)])
    code: int = parsed.run(parsed)
    return code


@pytest.fixture(scope="module")
def confirmed(run: Place) -> Iterator[Place]:
    assert command(run.folder.path, "--seeds", 2, "--workers", 0, "--quiet") == 0
    yield confirming(run, 2)


def test_the_baselines_and_the_front_are_confirmed(run: Place) -> None:
    rows = selected(run)

    with run.reading() as study:
        front = [mean.choices for mean in study.front()]
    assert rows[0].words == "plain"
    assert [row.architecture.choices for row in rows[1:]] == front


def test_a_confirmation_uses_fresh_seeds_and_all_images_but_the_test(run: Place) -> None:
    place = confirming(run, 3)

    recipe = place.experiment.recipe_value
    assert recipe.seeds == (FRESH, FRESH + 1, FRESH + 2)
    data, searched = load(recipe), load(run.experiment.recipe_value)
    assert torch.equal(data.test.images, searched.test.images)
    assert torch.equal(data.validation.images, searched.test.images)
    assert "confirmed on the test set" in data.provenance
    assert recipe.epochs == run.experiment.recipe_value.epochs


def test_a_confirmation_stands_beside_the_search_and_leaves_it_alone(confirmed: Place) -> None:
    folder = confirmed.folder

    with placed(str(folder.path)).reading() as study:
        assert study.name == "mine/quick"
        assert {row.seed for row in study.rows()} == {0, 1}
    rows = trained(confirmed)
    assert {row.seed for row in rows} == {FRESH, FRESH + 1}
    assert all(row.status == "complete" for row in rows)
    assert all("scored on the test set" in row.flags for row in rows)
    assert folder.about["changes"] == {}


def test_every_network_that_has_seen_the_test_set_is_counted_once(confirmed: Place) -> None:
    held = Ablated(
        confirmed.experiment, selected(confirmed), trained(confirmed), (FRESH, FRESH + 1)
    )

    first, second = opened(confirmed, held), opened(confirmed, held)

    assert first == second == len(held.rows)


def test_what_is_confirmed_already_is_not_trained_again(
    confirmed: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    before = trained(confirmed)

    code = command(confirmed.folder.path, "--seeds", 2, "--workers", 0, "--json")

    document = json.loads(capsys.readouterr().out)
    assert code == 0
    assert trained(confirmed) == before
    assert [row["seeds"] for row in document["rows"]] == [2] * len(document["rows"])
    assert (confirmed.folder.path / "confirm" / "confirm.tex").is_file()


def test_a_recipe_that_selects_on_the_test_set_has_nothing_to_confirm_on(
    tmp_path: Path,
) -> None:
    place = run_of(tmp_path, "papers")

    with pytest.raises(SpaceError, match="recipe 'papers' selects on the test set: nothing is"):
        confirming(place)
    with pytest.raises(ValueError, match="select_on_test has left no images to confirm on"):
        Recipe(select_on_test=True, confirm=True)


def test_a_run_without_a_front_has_nothing_to_confirm(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SPACE)
    place = placed(str(tmp_path / "mine.py"), "quick", tmp_path / "run")
    with place.driven():
        pass

    with pytest.raises(SpaceError, match="has no front yet"):
        selected(place)


def test_images_of_one_s_own_are_put_together_to_be_confirmed_on() -> None:
    def own(_: Path | None):
        parts = (Split(torch.full((n, 3, 4, 4), n, dtype=torch.uint8), torch.arange(n) % 2)
                 for n in (6, 4, 2))  # fmt: skip
        return from_splits(*parts, ("a", "b"), "made up")

    data = load(Recipe(data=own, confirm=True))

    assert len(data.train) == 10
    assert data.train.images[:, 0, 0, 0].tolist() == [6] * 6 + [4] * 4
    assert data.validation is data.test
    assert data.provenance == "made up, confirmed on the test set"


def test_files_are_joined_with_files_alone() -> None:
    files = [Files((f"{n}.png",), torch.tensor([n]), 32) for n in range(2)]

    both = joined(*files)

    assert (both.paths, both.labels.tolist(), both.size) == (("0.png", "1.png"), [0, 1], 32)
    with pytest.raises(ValueError, match="one part of the data is tensors and the other files"):
        joined(files[0], Split(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), torch.zeros(1)))
