"""The inside of a worker: it trains one job after another, and asks after every epoch."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import torch

from search.experiment import Experiment, load, resolved
from search.job import Answer, Event, Finished, Job, Reported, Started
from search.shelf import shared
from spaces import Architecture
from trials.data import Data
from trials.data import load as load_data
from trials.epoch import Epoch
from trials.faults import fault
from trials.pace import pace
from trials.recipe import Recipe
from trials.trial import Result, Setting, Trial

Ask = Callable[[], Answer]


class Bench:
    """What a worker keeps between jobs: the space file it has read, the images it has loaded.

    With an experiment in hand no file is read: its classes may come from none.
    """

    def __init__(self, experiment: Experiment | None = None) -> None:
        self._given = experiment
        self._read: tuple[object, Experiment] | None = None
        self._loaded: tuple[object, Data] | None = None

    def trial(self, job: Job) -> Trial:
        """Rebuild the job's network, and lay out its training."""
        experiment, architecture = self.architecture(job)
        recipe = recipe_of(experiment, architecture)
        data = self._data(recipe, job)
        setting = Setting(job.device, job.processes, Path(job.folder), job.seconds)
        return Trial(architecture.network, recipe, job.seed, data, setting)

    def architecture(self, job: Job) -> tuple[Experiment, Architecture]:
        """Rebuild what the job is about from its labels."""
        experiment = self._given or self._experiment(job)
        space = experiment.baselines[job.baseline] if job.baseline else experiment.space
        return experiment, space.at(job.choices)

    def _experiment(self, job: Job) -> Experiment:
        source = (job.space, job.recipe, job.shape, job.classes, job.root, dict(job.changes))
        if self._read is None or self._read[0] != source:
            root = Path(job.root) if job.root else None
            read = load(job.space, job.recipe, job.shape, job.classes, (), root, job.changes)
            self._read = source, read
        return self._read[1]

    def _data(self, recipe: Recipe, job: Job) -> Data:
        on_test = recipe.select_on_test, recipe.confirm
        source = (recipe.data, recipe.images, recipe.validation, on_test, job.root)
        if self._loaded is None or self._loaded[0] != source:
            # the old images go before the new ones come
            self._loaded = None
            root = Path(job.root) if job.root else None
            load = partial(load_data, recipe, root, job.download)
            # a function has no text of its own; within one space and recipe it is one
            key = repr((job.recipe, dict(job.changes), callable(recipe.data), *source[1:]))
            self._loaded = source, shared(Path(job.shelf), key, load) if job.shelf else load()
        return self._loaded[1]


def paces(jobs: Iterable[Job], bench: Bench) -> list[float] | None:
    """Return the seconds that each job's network needs for an image; None if one cannot tell."""
    told = []
    try:
        for job in jobs:
            experiment, architecture = bench.architecture(job)
            about = experiment.shape, experiment.classes, job.device, job.threads
            told.append(pace(architecture.network, recipe_of(experiment, architecture), *about))
    except Exception:
        # whatever is wrong with a network is the result of its training
        return None
    return told


def recipe_of(experiment: Experiment, architecture: Architecture) -> Recipe:
    """Return the recipe an architecture was sampled with; a baseline takes the first options."""
    held = architecture.recipe
    recipe = held() if isinstance(held, partial) else held or resolved(experiment.recipe_value)
    if not isinstance(recipe, Recipe):
        raise ValueError(f"{experiment.path} was read without a recipe: nothing can be trained")
    return recipe


def work(job: Job, bench: Bench, ask: Ask) -> Iterator[Event]:
    """Train one job, yielding what happens; whatever fails on the way is its result."""
    yield Started(job.number)
    threads = torch.get_num_threads()
    torch.set_num_threads(job.threads)
    try:
        yield from trained(job, bench.trial(job), ask)
    except (Exception, SystemExit) as error:
        yield failed(job, error)
    finally:
        torch.set_num_threads(threads)


def trained(job: Job, trial: Trial, ask: Ask) -> Iterator[Event]:
    """Yield a trial's epochs, asking after each but the last whether to go on, and its result."""
    answer: Answer = "go on"
    for epoch in trial:
        is_last = epoch.number == trial.recipe.epochs
        yield Reported(job.number, plain(epoch), is_last)
        answer = "go on" if is_last else ask()
        if answer != "go on":
            break
    result = trial.result
    status = result.status if answer == "go on" else answer
    curve = tuple(plain(epoch) for epoch in result.curve)
    score = None if result.score is None else float(result.score)
    yield Finished(job.number, dataclasses.replace(result, status=status, score=score, curve=curve))


def failed(job: Job, error: BaseException) -> Finished:
    """Return an error that came before or beside the training as the job's end."""
    ending = fault(error)
    return Finished(job.number, Result(ending.status, ending.reason, details=ending.details))


def usable() -> bool:
    """Tell whether this process can train on; after an illegal access a GPU refuses everything."""
    if not torch.cuda.is_initialized():
        return True
    # a network that refers to itself holds its memory until it is found
    gc.collect()
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return False
    return True


def plain(epoch: Epoch) -> Epoch:
    """Return an epoch of numbers and words; a loop of one's own may have put tensors into it."""
    return Epoch(
        int(epoch.number),
        float(epoch.loss),
        float(epoch.score),
        str(epoch.metric),
        epoch.direction,
        None if epoch.top5 is None else float(epoch.top5),
        None if epoch.classes is None else tuple(map(float, epoch.classes)),
        float(epoch.seconds),
        tuple(map(str, epoch.remarks)),
    )
