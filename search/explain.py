"""Where an architecture looks, beside a baseline, on the same images; how far its gates open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from search.gates import Opening, openings
from search.gradcam import looked_at
from search.place import Place
from search.rows import Row
from search.scoring import images_of, weights
from search.study import Study
from search.trained import check_fit, state_of
from search.worker import recipe_of
from spaces import SpaceError
from trials.batches import Batches
from trials.data import Data

GATED = 64
"""How many images the gates are looked at with."""


@dataclass(frozen=True)
class Seen:
    """What one network makes of the images: maps (n, h, w), its guesses and how sure it is."""

    title: str
    number: int
    maps: Tensor
    guesses: tuple[int, ...]
    chances: tuple[float, ...]
    gates: Mapping[str, Opening]


@dataclass(frozen=True)
class Explained:
    """Images (n, 3, h, w) as bytes, their classes, and what each network makes of them."""

    title: str
    provenance: str
    images: Tensor
    labels: tuple[int, ...]
    classes: tuple[str, ...]
    seen: tuple[Seen, ...]


def explain(
    place: Place,
    trial: int | None = None,
    beside: str | None = None,
    count: int = 8,
    root: Path | None = None,
) -> Explained:
    """Explain a training, the best if none is named, beside a baseline that has been trained.

    The images are of the validation split, which nothing has learnt from; the map is that of an
    image's own class.
    """
    with place.reading() as study:
        row = chosen(study, trial)
        rows = [row, *compared(study, row, beside)]
    experiment = place.experiment
    space = experiment.baselines[row.name] if row.name else experiment.space
    data = images_of(recipe_of(experiment, space.at(row.choices)), root, experiment)
    picked = places(data, count)
    images, labels = shown(data, picked)
    seen = tuple(looking(place, one, data, picked, labels) for one in rows)
    preview = ", PREVIEW: a smaller network on fewer images" if experiment.is_preview else ""
    return Explained(
        f"{experiment.name}, recipe {experiment.recipe}{preview}",
        data.provenance,
        images,
        tuple(labels.tolist()),
        data.classes,
        seen,
    )


def looking(place: Place, row: Row, data: Data, picked: Tensor, labels: Tensor) -> Seen:
    """Return what the network of a training makes of the images."""
    network = restored(place, row)
    x = seen_by(data, picked)
    with torch.no_grad():
        logits: Tensor = network(x)
    chances, guesses = logits.softmax(1).max(1)
    gated = seen_by(data, places(data, GATED))
    return Seen(
        row.name or named(row),
        row.number,
        looked_at(network, x, labels),
        tuple(guesses.tolist()),
        tuple(chances.tolist()),
        openings(network, gated),
    )


def restored(place: Place, row: Row) -> nn.Module:
    """Build the network of a training with the weights that it left."""
    experiment = place.experiment
    space = experiment.baselines[row.name] if row.name else experiment.space
    state = state_of(weights(place.folder, row))
    network: nn.Module = space.at(row.choices).build()
    check_fit(network, state)
    network.load_state_dict(state)
    return network.eval()


def chosen(study: Study, trial: int | None) -> Row:
    """Return the training of a number, or the best."""
    rows = {row.number: row for row in study.rows()}
    if trial is None:
        best = study.best()
        if best is None:
            raise SpaceError(f"{study.name} has no best architecture yet; `search run` goes on")
        return rows[study.best_seed(best)]
    if trial not in rows:
        raise SpaceError(f"there is no trial {trial}; there are 0 to {max(rows, default=0)}")
    return rows[trial]


def compared(study: Study, row: Row, beside: str | None) -> list[Row]:
    """Return a baseline's training to lay beside one, of the same seed if there is one."""
    known = study.experiment.baselines
    if beside is not None and beside not in known:
        raise SpaceError(f"there is no baseline {beside!r}; there are {', '.join(known) or 'none'}")
    wanted = [beside] if beside else [name for name in known if name != row.name]
    trained = [one for one in study.rows() if one.name in wanted and one.status == "complete"]
    if beside and not trained:
        raise SpaceError(f"the baseline {beside!r} has not been trained to its end")
    return sorted(trained, key=lambda one: (wanted.index(one.name), one.seed != row.seed))[:1]


def places(data: Data, count: int) -> Tensor:
    """Return the places of so many validation images, class by class in turn."""
    labels = data.validation.labels
    if not len(labels):
        raise SpaceError(f"{data.provenance}: there are no validation images to look at")
    order = labels.argsort(stable=True)
    starts = torch.searchsorted(labels[order].contiguous(), labels[order].contiguous())
    turn = torch.arange(len(order)) - starts
    return order[turn.argsort(stable=True)][:count]


def shown(data: Data, picked: Tensor) -> tuple[Tensor, Tensor]:
    """Return images as bytes (n, 3, h, w), and their labels."""
    x = seen_by(data, picked)
    mean, std = (torch.tensor(values)[:, None, None] for values in (data.mean, data.std))
    pixels = ((x * std + mean) * 255).round().clamp(0, 255).to(torch.uint8)
    return pixels, data.validation.labels[picked]


def seen_by(data: Data, picked: Tensor) -> Tensor:
    """Return images as networks are shown them."""
    part = data.validation.take(picked)
    batches = Batches(
        part, len(picked), (), data.mean, data.std, torch.device("cpu"), torch.float32
    )
    return torch.cat([images for images, _ in batches.once()])


def named(row: Row) -> str:
    """Write the choices of a training."""
    return " ".join(f"{name}={label}" for name, label in row.choices.items()) or "(fixed)"
