"""Confirm what a search has found: fresh seeds, all images but the test, nothing to choose from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from search.ablated import Ablated
from search.ablation import Planned, baselines, costed
from search.experiment import load, resolved
from search.place import Place
from search.record import confirmation_of
from search.rows import Mean
from search.scoring import OPENED, looked_at, openings
from search.survey import names
from spaces import SpaceError

FRESH = 1000
"""The first of the seeds that no search has used; seeds of the user's own are lower."""
SEEDS = 5


def confirming(place: Place, seeds: int = SEEDS, root: Path | None = None) -> Place:
    """Return the place of the confirmation: a study beside the run's own, with a recipe of its own.

    It trains on the validation images too, so its score is of the test set.
    """
    held = place.experiment
    recipe = resolved(held.recipe_value)
    if recipe is None or recipe.select_on_test:
        raise SpaceError(
            f"recipe {held.recipe!r} selects on the test set: nothing is left to confirm on"
        )
    if taken := [seed for seed in recipe.seeds if seed >= FRESH]:
        raise SpaceError(f"seed {taken[0]} of the search is not below {FRESH}: none are fresh")
    changes = {**place.changes, "confirm": True, "seeds": tuple(range(FRESH, FRESH + seeds))}
    derived = load(
        str(held.path), held.recipe, held.shape, held.classes, place.limits, root, changes
    )
    with place.reading() as study:
        name = confirmation_of(study.name)
    return replace(place, experiment=derived, changes=changes, study=name)


def selected(place: Place) -> list[Planned]:
    """Return the rows to confirm: the baselines, then the front of the search."""
    experiment = place.experiment
    with place.reading() as study:
        front = study.front()
    if not front:
        raise SpaceError(
            f"{place.folder.path} has no front yet; `search run {place.named}` goes on"
        )
    rows = [*baselines(experiment), *(planned(place, mean) for mean in front)]
    return [costed(experiment, row) for row in rows]


def planned(place: Place, mean: Mean) -> Planned:
    """Return a point of the front as a row."""
    architecture = place.experiment.space.at(mean.choices)
    return Planned("front", names(architecture), architecture)


def opened(place: Place, held: Ablated) -> int:
    """Note which networks have seen the test set since, and return how many have in all."""
    known = {
        (event.get("study"), event["number"])
        for event in place.folder.logged()
        if event["event"] == OPENED
    }
    for row in held.rows:
        if row.status == "complete" and (place.study, row.number) not in known:
            place.folder.log(OPENED, number=row.number, study=place.study, accuracy=row.score)
    return openings(place.folder)


def remarks(count: int) -> Iterable[str]:
    """Yield what has to be read with a table of the test set."""
    yield "trained on all images but the test set, with seeds that the search has not used"
    yield looked_at(count)
