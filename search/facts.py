"""What is known of a trained network, for the file that defines it and the manifest beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from search.rows import Mean, Row
from search.study import Study
from search.summary import figures
from trials.data import load
from trials.price import Prices
from trials.profilers import PROFILERS
from trials.recipe import Recipe

PREVIEW = "a smaller network, or fewer images, than is meant: its scores are a preview's"

Facts = dict[str, object]


@dataclass(frozen=True)
class Winner:
    """A training, and its architecture over all seeds if any of them came to its end.

    `confirmed` is the architecture over fresh seeds, on the test set, where it was confirmed.
    """

    row: Row
    mean: Mean | None
    confirmed: Mean | None = None


def about(study: Study, winner: Winner, recipe: Recipe, has_weights: bool) -> Facts:
    """Return all that is said of a network; `has_weights` tells whether it comes with them."""
    row = winner.row
    preview: Facts = {"PREVIEW": PREVIEW} if study.experiment.is_preview else {}
    remarks: Facts = {"remarks": list(row.flags)} if row.flags else {}
    return {
        **preview,
        "study": study.name,
        "training": row.number,
        "choices": {"baseline": row.name} if row.name else dict(row.choices),
        "scores": scores(study, winner, recipe, has_weights),
        **({"confirmed": again(winner.confirmed)} if winner.confirmed else {}),
        **remarks,
        "costs": costs(study, winner),
        "data": images(recipe),
    }


def scores(study: Study, winner: Winner, recipe: Recipe, has_weights: bool) -> Facts:
    """Return the mean over seeds, and what the weights themselves were scored with."""
    row, mean = winner.row, winner.mean
    if mean is None:
        return {"trained to the end": False}
    split = {"measured on": measured_on(recipe)}
    if mean.n == 1:
        return {mean.metric: mean.mean, "seed": row.seed, **split}
    rows = [one for one in study.rows() if one.number in mean.numbers]
    weights: Facts = {
        "seed of these weights": row.seed,
        f"{mean.metric} of these weights": row.score,
    }
    return {
        mean.metric: mean.mean,
        "standard deviation": mean.std,
        "seeds": [one.seed for one in rows],
        f"{mean.metric} of each": [one.score for one in rows],
        **(weights if has_weights else {}),
        **split,
    }


def again(mean: Mean) -> Facts:
    """Return what fresh seeds came to; where it decided which network is best, it is no longer new.

    A reader who compares it with others' has to know that.
    """
    spread: Facts = {"standard deviation": mean.std} if mean.n > 1 else {}
    return {
        mean.metric: mean.mean,
        **spread,
        "fresh seeds": mean.n,
        "measured on": "the test set, by which the best of those confirmed is chosen",
    }


def measured_on(recipe: Recipe) -> str:
    """Say what images the scores are of."""
    if recipe.train:
        return "what its own training loop says"
    if recipe.select_on_test:
        return "the test set, which also decided what is best: selected on test"
    return "a validation split"


def costs(study: Study, winner: Winner) -> Facts:
    """Return what was counted before the training, and what the papers' profilers count."""
    if winner.mean is None:
        return dict(winner.row.figures)
    profilers = {name: Prices(study.experiment.shape, run=run) for name, run in PROFILERS.items()}
    return dict(figures(study, winner.mean, profilers))


def images(recipe: Recipe) -> Facts:
    """Say how images are made ready for the network, as far as the data are here to tell."""
    try:
        data: Any = load(recipe)
    except (ValueError, OSError):
        return {"name": recipe.data if isinstance(recipe.data, str) else recipe.data.__name__}
    return {
        "name": data.provenance,
        "fingerprint": data.fingerprint,
        "images": "from 0 to 1, less the mean of each channel, over its deviation",
        "mean": list(data.mean),
        "deviation": list(data.std),
    }
