"""Which images of a set are trained on, and which are held out."""

import torch
from torch import Tensor

from trials.pack import Pack
from trials.split import stratified


def divide(whole: Pack, validation: float, images: int | None) -> tuple[Tensor, Tensor, str]:
    """Return the places to train on, those for validation, and words that say which they are.

    A share for validation is drawn class by class, always the same, unless the set comes with a
    split of its own. With no share at all everything but the test is trained on.
    """
    kept, held, words = _hold_out(whole, validation)
    if images is not None:
        kept = kept[_some(whole.rest.labels[kept], images)]
        words = f"{words}, {images:,} training images"
    missing = set(range(len(whole.classes))) - set(whole.rest.labels[kept].tolist())
    if missing:
        name = whole.classes[min(missing)]
        raise ValueError(f"no image of class {name!r} is left to train on ({words})")
    return kept, held, words


def _hold_out(whole: Pack, validation: float) -> tuple[Tensor, Tensor, str]:
    every = torch.arange(len(whole.rest))
    if not validation:
        return every, every[:0], "all but the test in training"
    if whole.held is not None:
        free = torch.ones(len(every), dtype=torch.bool).index_fill_(0, whole.held, False)
        return every[free], whole.held, f"its own validation split of {len(whole.held):,}"
    count = round(validation * len(every))
    kept, held = stratified(whole.rest.labels, count, seed=0)
    return kept, held, f"validation {validation * 100:g} % of train, seed 0"


def _some(labels: Tensor, count: int) -> Tensor:
    if count > len(labels):
        raise ValueError(f"images = {count:,} are more than the {len(labels):,} to train on")
    return stratified(labels, count, seed=0)[1]
