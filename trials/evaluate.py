"""How right a network is on images it has not learnt."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from trials.batches import Batches
from trials.parallel import add_up
from trials.step import autocast


class Scores(NamedTuple):
    """Shares of the images that are right: at the first guess, in five guesses, by class."""

    accuracy: float
    top5: float
    classes: tuple[float, ...]


@torch.inference_mode()
def evaluate(network: nn.Module, judged: Batches, classes: int, dtype: torch.dtype) -> Scores:
    """Score a network on every image once."""
    network.eval()
    counts = torch.zeros(3, classes, dtype=torch.float64, device=judged.device)
    for images, labels in judged.once():
        with autocast(images.device, dtype):
            logits: Tensor = network(images)
        hits = logits.topk(min(5, classes)).indices == labels[:, None]
        tally = torch.stack([hits[:, 0], hits.any(1), torch.ones_like(hits[:, 0])])
        counts.index_add_(1, labels, tally.to(counts.dtype))
    add_up([counts])
    right, near, there = counts.cpu()
    by_class = right / there.clamp(min=1)
    whole = there.sum()
    return Scores(float(right.sum() / whole), float(near.sum() / whole), tuple(by_class.tolist()))
