"""How fast a network trains on a device, by a few steps on noise; told before a run begins."""

import time
from collections.abc import Callable, Sequence

import torch
from torch import nn

from trials.device import choose
from trials.recipe import Recipe
from trials.train import Training

LONG = 0.5
"""Seconds of a step beyond which a larger batch would tell little more."""
STEPS = 2
EVALUATED = 1 / 3
"""What an image costs that is only looked at, beside one that is learnt from."""


def pace(
    build: Callable[[], nn.Module],
    recipe: Recipe,
    shape: Sequence[int],
    classes: int,
    device: str = "auto",
    threads: int = 1,
) -> float:
    """Return the seconds that a training needs for an image, as far as a few steps can tell.

    On a CPU it is the time of this process alone, so that others at work do not count.
    """
    chosen = choose(device)
    clock = time.perf_counter if chosen.type == "cuda" else time.process_time
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng():
            training = Training(build(), recipe, 0, chosen, classes)
            training.graph = None
            training.network.train()
            size, seconds = min(recipe.batch, 4), 0.0
            # the first step of a size finds its kernels
            while (seconds := step(training, size, shape, clock)) < LONG and size < recipe.batch:
                size = min(recipe.batch, 4 * size)
            if seconds < LONG:
                seconds = min(step(training, size, shape, clock) for _ in range(STEPS))
        return seconds / size / threads if chosen.type == "cpu" else seconds / size
    finally:
        torch.set_num_threads(before)


def step(training: Training, size: int, shape: Sequence[int], clock: Callable[[], float]) -> float:
    """Return the seconds of one step."""
    images = torch.randn(size, *shape, device=training.device)
    labels = torch.arange(size, device=training.device) % training.classes
    images = images.contiguous(memory_format=training.layout)
    started = clock()
    # reading the loss waits for the device
    float(training.step(images, labels))
    return clock() - started


def seconds(per_image: float, recipe: Recipe, learnt: int, judged: int) -> float:
    """Return how long a training takes on so many images."""
    return recipe.epochs * per_image * (learnt + EVALUATED * judged)
