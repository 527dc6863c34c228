"""One training from building the network to its result; whatever goes wrong on the way is one."""

import gc
import math
import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from trials.data import Data, load
from trials.device import noise, precision, set_noise, team
from trials.epoch import Epoch
from trials.faults import TrialError, fault
from trials.parallel import train_together
from trials.recipe import Recipe
from trials.work import Work

SMALLER = 4
"""How many parts a batch is split into when it does not fit."""


@dataclass(frozen=True)
class Setting:
    """Where a trial runs and how long it may: nothing in here is part of the recipe.

    In `folder` a trial keeps its states, from which it goes on when it is run again, and its
    weights at the end; without one nothing is kept. `processes` share each batch, on a GPU each.
    `root` holds the data, fetched there if `download`; `seconds` is the time limit.
    """

    device: str = "auto"
    processes: int = 1
    folder: Path | None = None
    seconds: float = math.inf
    root: Path | None = None
    download: bool = False


@dataclass(frozen=True)
class Result:
    """What became of a trial.

    `status` is "complete", "stopped" by its reader, "interrupted" by a signal, "diverged",
    "out of memory", "timed out" or "failed"; only the first has a `score`. `flags` is what a table
    has to say beside that score; `details` is the traceback of a fault.
    """

    status: str
    reason: str = ""
    score: float | None = None
    metric: str = "accuracy"
    direction: Literal["maximize", "minimize"] = "maximize"
    curve: tuple[Epoch, ...] = ()
    seconds: float = 0.0
    flags: tuple[str, ...] = ()
    world: int = 1
    precision: str = ""
    details: str = ""

    @property
    def accuracy(self) -> float | None:
        """The score, where it is an accuracy."""
        return self.score if self.metric == "accuracy" else None


class Trial:
    """A training to be read epoch by epoch; its `result` is there when the reading ends.

    What the user got wrong raises ValueError here, before anything is spent. From then on whatever
    happens is a result, and the caller's random numbers stay untouched.
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        recipe: Recipe,
        seed: int = 0,
        data: Data | None = None,
        setting: Setting | None = None,
    ) -> None:
        self.setting = setting or Setting()
        self.devices = team(self.setting.device, self.setting.processes)
        if len(self.devices) > 1:
            _check_together(build, recipe, len(self.devices))
        self.build, self.recipe, self.seed, self.data = build, recipe, seed, data
        self.curve: list[Epoch] = []
        self.flags: list[str] = []
        self.result = Result("interrupted", "nobody has read it yet")

    def __iter__(self) -> Iterator[Epoch]:
        """Train, and yield every epoch from the first one on, those of the checkpoint too."""
        started = time.monotonic()
        ending = TrialError("complete", "")
        try:
            for epoch in self._epochs(started + self.setting.seconds):
                if epoch.number > len(self.curve):
                    self.curve.append(epoch)
                    yield epoch
        except GeneratorExit:
            ending = TrialError("stopped", f"its reader left after epoch {len(self.curve)}")
            raise
        except (Exception, KeyboardInterrupt) as error:
            ending = fault(error)
        finally:
            self.result = self._result(ending, time.monotonic() - started)

    def _epochs(self, deadline: float) -> Iterator[Epoch]:
        setting, recipe = self.setting, self.recipe
        data = self.data or load(recipe, setting.root, setting.download)
        work = Work(self.build, recipe, self.seed, data, setting.folder, deadline)
        try:
            yield from self._train(work)
            return
        except Exception as error:
            ending = fault(error)
            parts = min(SMALLER * recipe.accumulate, recipe.batch)
            again = not self.curve or setting.folder
            if ending.status != "out of memory" or parts == recipe.accumulate or not again:
                raise
        # only here, past the exception, has its traceback let go of the tensors
        gc.collect()
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        self.flags.append(f"batches in {parts} parts, which is what norms see: {ending.reason}")
        yield from self._train(replace(work, recipe=replace(recipe, accumulate=parts)))

    def _train(self, work: Work) -> Iterator[Epoch]:
        if len(self.devices) > 1:
            return train_together(work, self.devices)
        return apart(work(self.devices[0]), self.devices[0])

    def _result(self, ending: TrialError, seconds: float) -> Result:
        last = self.curve[-1] if self.curve else Epoch(0, math.nan, math.nan)
        remarks = [remark for epoch in self.curve for remark in epoch.remarks]
        if self.recipe.select_on_test or self.recipe.confirm:
            remarks.append("scored on the test set")
        return Result(
            ending.status,
            ending.reason,
            last.score if ending.status == "complete" else None,
            last.metric,
            last.direction,
            tuple(self.curve),
            seconds,
            tuple(dict.fromkeys([*self.flags, *remarks])),
            len(self.devices),
            str(precision(self.recipe.precision, self.devices[0])).removeprefix("torch."),
            ending.details,
        )


def run(
    build: Callable[[], nn.Module],
    recipe: Recipe,
    seed: int = 0,
    data: Data | None = None,
    setting: Setting | None = None,
) -> Result:
    """Train one network as the recipe says, to the end, and return what became of it."""
    trial = Trial(build, recipe, seed, data, setting)
    for _ in trial:
        pass
    return trial.result


def apart(epochs: Iterator[Epoch], device: torch.device) -> Iterator[Epoch]:
    """Keep the random numbers of a training and those of its reader from disturbing each other."""
    inside: list[Tensor] = []
    while True:
        outside = noise(device)
        try:
            set_noise(device, inside or outside)
            epoch = next(epochs, None)
            inside = noise(device)
        finally:
            set_noise(device, outside)
        if epoch is None:
            return
        yield epoch


def _check_together(build: Callable[[], nn.Module], recipe: Recipe, processes: int) -> None:
    if recipe.batch % processes:
        raise ValueError(f"batch = {recipe.batch} is not divisible by processes = {processes}")
    try:
        pickle.dumps((build, recipe))
    except (AttributeError, TypeError, pickle.PicklingError) as error:
        raise ValueError(
            f"{error}; what {processes} processes are to build must be defined in a module"
        ) from error
