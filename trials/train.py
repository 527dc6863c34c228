"""The training loop, from top to bottom: a generator of epochs that may be left at any of them."""

import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TypedDict, cast

import torch
from torch import Tensor, nn

from trials.batches import Batches
from trials.checkpoint import Checkpoint
from trials.data import Data
from trials.device import keep_freed_memory, lay_out, noise, precision, set_noise
from trials.epoch import Epoch
from trials.evaluate import Scores, evaluate
from trials.faults import TrialError
from trials.graph import Graphed
from trials.optimise import Average, optimiser, rate, set_rate
from trials.parallel import add_up, agree, gathered, rank, world
from trials.recipe import Recipe
from trials.step import Step, compile_blocks
from trials.synced import synced

LARGER = 4
"""How many times the images of a step are scored at once: no maps are kept for a way back."""


def train(
    network: nn.Module,
    data: Data,
    recipe: Recipe,
    seed: int,
    device: torch.device,
    checkpoint: Checkpoint | None = None,
    deadline: float = math.inf,
) -> Iterator[Epoch]:
    """Train a network in place; yield each epoch that the checkpoint does not hold yet.

    At the end the network has the weights that were scored. `deadline` is a `time.monotonic()`.
    """
    torch.manual_seed(seed + rank())
    training = Training(network, recipe, seed, device, len(data.classes))
    if checkpoint and checkpoint.state:
        training.restore(cast(State, checkpoint.state))
    kind = torch.float64 if training.dtype == torch.float64 else torch.float32
    look = (data.mean, data.std, device, kind, (rank(), world()))
    judge = data.test if recipe.select_on_test else data.validation
    if not len(judge):
        raise ValueError(
            "validation = 0 leaves no images to score on; select_on_test=True takes the test set"
        )
    learnt = Batches(data.train, recipe.batch, recipe.augment, *look)
    judged = Batches(judge, LARGER * recipe.batch // recipe.accumulate, (), *look)
    for number in range(1 + len(checkpoint.curve if checkpoint else ()), recipe.epochs + 1):
        started = time.perf_counter()
        loss = training.epoch(number, learnt, deadline)
        scores = training.score(judged)
        epoch = Epoch(
            number,
            loss,
            scores.accuracy,
            top5=scores.top5,
            classes=scores.classes if recipe.per_class else None,
            seconds=time.perf_counter() - started,
            remarks=(training.graph.reason,) if training.graph and training.graph.reason else (),
        )
        state = training.state()
        if checkpoint:
            checkpoint.save(epoch, state)
        yield epoch
    if training.average:
        training.average.swap()


class State(TypedDict):
    """All that a training needs to go on bit for bit; `noise` has an entry per process."""

    network: dict[str, Tensor]
    optimizer: dict[str, object]
    scaler: dict[str, object]
    steps: int
    average: list[Tensor]
    order: Tensor
    noise: list[list[Tensor]]


class Training:
    """What changes from step to step."""

    def __init__(
        self, network: nn.Module, recipe: Recipe, seed: int, device: torch.device, classes: int
    ) -> None:
        self.network, self.recipe, self.device, self.classes = network, recipe, device, classes
        self.dtype = precision(recipe.precision, device)
        if recipe.sync_norms and world() > 1:
            synced(network)
        keep_freed_memory(device)
        self.layout = lay_out(network, device, self.dtype)
        agree([*network.parameters(), *network.buffers()])
        if recipe.compile:
            compile_blocks(network)
        self.optimizer = optimiser(network, recipe, device)
        self.average = Average(network, recipe.ema) if recipe.ema else None
        self.order = torch.Generator().manual_seed(seed)
        self.step = Step(network, self.optimizer, recipe, self.dtype, classes)
        self.graph = Graphed(self.step) if device.type == "cuda" else None
        # every step has the same shapes, so looking for the fastest kernels pays
        torch.backends.cudnn.benchmark = True

    def epoch(self, number: int, learnt: Batches, deadline: float) -> float:
        """Train on every batch and return the mean loss; only then is the device waited for."""
        self.network.train()
        step = self.graph or self.step
        losses = []
        for index, (images, targets) in enumerate(learnt.epoch(self.order)):
            set_rate(self.optimizer, rate(self.recipe, number - 1 + index / len(learnt)))
            losses.append(step(images.contiguous(memory_format=self.layout), targets))
            if self.average:
                self.average.update()
            if time.monotonic() > deadline:
                raise TrialError(
                    "timed out", f"the time was up at step {index + 1} of epoch {number}"
                )
        return mean_loss(torch.stack(losses), number)

    def score(self, judged: Batches) -> Scores:
        """Score the averaged weights where there are some."""
        with self.average.applied() if self.average else nullcontext():
            # without synced norms every process has statistics of its own
            agree(self.network.buffers())
            return evaluate(self.network, judged, self.classes, self.dtype)

    def state(self) -> State:
        """Return everything that `restore` needs; all processes take part."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict()["state"],
            "scaler": self.step.scaler.state_dict(),
            "steps": self.average.steps if self.average else 0,
            "average": self.average.mean if self.average else [],
            "order": self.order.get_state(),
            "noise": gathered(noise(self.device)),
        }

    def restore(self, state: State) -> None:
        """Go on from a state."""
        self.network.load_state_dict(state["network"])
        # the rate is the schedule's, and stays the tensor that a graph reads
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state["optimizer"], "param_groups": groups})
        self.step.scaler.load_state_dict(state["scaler"])
        if self.average:
            self.average.restore(state["steps"], state["average"])
        self.order.set_state(state["order"])
        set_noise(self.device, state["noise"][rank() % len(state["noise"])])


def mean_loss(losses: Tensor, number: int) -> float:
    """Return the mean over an epoch's steps, of which each process has its share."""
    add_up([losses])
    losses = losses.cpu()
    wrong = (~losses.isfinite()).nonzero().flatten().tolist()
    if wrong:
        value = float(losses[wrong[0]])
        raise TrialError(
            "diverged", f"the loss is {value} at step {wrong[0] + 1} of epoch {number}"
        )
    return float(losses.double().mean())
