"""What every process of a trial does: build, go on where it stopped, train, keep the weights."""

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn

from trials.checkpoint import Checkpoint
from trials.data import Data
from trials.epoch import Epoch
from trials.faults import TrialError
from trials.recipe import Recipe
from trials.train import train


@dataclass(frozen=True)
class Work:
    """A training that can be sent to a process and started on its device."""

    build: Callable[[], nn.Module]
    recipe: Recipe
    seed: int
    data: Data
    folder: Path | None
    deadline: float

    def __call__(self, device: torch.device) -> Iterator[Epoch]:
        """Build, train and keep the weights; start with the epochs that a checkpoint holds."""
        torch.manual_seed(self.seed)
        network = self.build()
        checkpoint = Checkpoint(self.folder, self._identity(network)) if self.folder else None
        remarks: tuple[str, ...] = ()
        curve: list[Epoch] = []
        if checkpoint:
            curve += checkpoint.curve
            yield from curve
            if checkpoint.is_finished:
                return
            remarks = tuple(checkpoint.remarks)
        loop = self.recipe.train or partial(train, deadline=self.deadline)
        for epoch in loop(network, self.data, self.recipe, self.seed, device, checkpoint):
            check_epoch(epoch)
            curve.append(replace(epoch, remarks=(*remarks, *epoch.remarks)))
            yield curve[-1]
            remarks = ()
            if time.monotonic() > self.deadline and epoch.number < self.recipe.epochs:
                raise TrialError("timed out", f"the time was up after epoch {epoch.number}")
        if not curve:
            raise TrialError("failed", "train yielded no epoch")
        if checkpoint:
            checkpoint.finish(network.state_dict(), curve)

    def _identity(self, network: nn.Module) -> dict[str, str]:
        """Name the training: two that agree in this may go on from one another's states."""
        modules = [(name, type(module).__qualname__) for name, module in network.named_modules()]
        shapes = [(name, tuple(value.shape)) for name, value in network.state_dict().items()]
        shape = hashlib.sha256(repr((modules, shapes)).encode()).hexdigest()[:12]
        # overrides show in the network; seeds are a plan, of which this is one; parts only fit it
        left_out = {"overrides", "seeds", "accumulate"}
        values = {name: value for name, value in vars(self.recipe).items() if name not in left_out}
        named = {
            name: getattr(value, "__qualname__", repr(value)) for name, value in values.items()
        }
        ours = {"seed": str(self.seed), "images": self.data.fingerprint, "network": shape}
        return {**named, **ours}


def check_epoch(epoch: object) -> None:
    """Refuse what a loop of one's own should not yield."""
    if not isinstance(epoch, Epoch):
        raise TypeError(f"train yielded a {type(epoch).__name__}; a loop yields Epochs")
    for name, value in (("loss", epoch.loss), (epoch.metric, epoch.score)):
        if not math.isfinite(value):
            raise TrialError("diverged", f"the {name} is {value} after epoch {epoch.number}")
