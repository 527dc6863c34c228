"""A kept network scored again, on the test set or on other images of the same classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from search.experiment import Experiment
from search.rows import Row
from search.run_folder import RunFolder
from search.trained import check_fit, state_of
from search.worker import recipe_of
from spaces import SpaceError
from trials.batches import Batches
from trials.checkpoint import WEIGHTS
from trials.data import Data, load
from trials.device import choose, lay_out, precision
from trials.evaluate import Scores, evaluate
from trials.recipe import Recipe

Part = Literal["test", "validation"]
OPENED = "test set opened"


@dataclass(frozen=True)
class Scored:
    """What a network scores on a part of some images."""

    scores: Scores
    images: int
    part: Part
    provenance: str


def score(
    experiment: Experiment,
    folder: RunFolder,
    row: Row,
    data: str | None = None,
    part: Part = "test",
    root: Path | None = None,
    device: str = "auto",
) -> Scored:
    """Score the weights that a trial has left; by `data` on another set than it was trained on."""
    space = experiment.baselines[row.name] if row.name else experiment.space
    architecture = space.at(row.choices)
    recipe = recipe_of(experiment, architecture)
    network = architecture.build()
    state = state_of(weights(folder, row))
    check_fit(network, state)
    network.load_state_dict(state)
    learnt = images_of(recipe, root, experiment)
    judged = images_of(replace(recipe, data=data), root, experiment) if data else learnt
    split = judged.test if part == "test" else judged.validation
    if not len(split):
        raise SpaceError(f"{judged.provenance}: there are no {part} images")
    try:
        chosen = choose(device)
    except ValueError as error:
        raise SpaceError(str(error)) from None
    dtype = precision(recipe.precision, chosen)
    lay_out(network, chosen, dtype)
    # as the network was trained to see images, whoever they are from
    batches = Batches(split, recipe.batch, (), learnt.mean, learnt.std, chosen, torch.float32)
    scores = evaluate(network, batches, experiment.classes, dtype)
    if part == "test":
        folder.log(OPENED, number=row.number, images=judged.provenance, accuracy=scores.accuracy)
    return Scored(scores, len(split), part, judged.provenance)


def openings(folder: RunFolder) -> int:
    """Count how often the test set has been looked at."""
    return sum(event["event"] == OPENED for event in folder.logged())


def looked_at(count: int) -> str:
    """Say how often the test set has been looked at."""
    times = "once" if count == 1 else f"{count} times"
    return f"networks of this run have been looked at with test images {times}"


def weights(folder: RunFolder, row: Row) -> Path:
    """Return the file of a trial's weights; a trial without any is refused."""
    if row.status != "complete":
        reason = f" ({row.reason})" if row.reason else ""
        raise SpaceError(f"trial {row.number} is {row.status}{reason}: it has no weights")
    path = folder.path / "trials" / row.folder / WEIGHTS
    if not path.is_file():
        raise SpaceError(
            f"the weights of trial {row.number} were let go of: it is off the front; "
            "`search run --keep-all` keeps them all"
        )
    return path


def images_of(recipe: Recipe, root: Path | None, experiment: Experiment) -> Data:
    """Open the images; those of other classes are refused."""
    try:
        data = load(recipe, root)
    except (ValueError, OSError) as error:
        raise SpaceError(str(error)) from None
    if len(data.classes) != experiment.classes:
        raise SpaceError(
            f"{data.provenance} has {len(data.classes)} classes and the network "
            f"{experiment.classes}"
        )
    return data
