"""Drive a study from its first training to its last: what `search run` does, and `search.run`."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from search.display import Lines, Progress, display
from search.experiment import resolved
from search.forecast import Forecast, forecast, words
from search.job import Job
from search.loop import Executor, Loop, Stop
from search.place import Place
from search.signals import Signals
from search.study import Proposal, Study
from search.survey import names
from spaces import Architecture, SpaceError
from trials.checkpoint import WEIGHTS, expected_size
from trials.data import Data, load
from trials.device import choose
from trials.recipe import Recipe
from trials.speed import speed

MOST = 100
"""How many architectures of a space are tried unless the user says how many."""
PATIENT, BRISK = inf, 20.0
"""Seconds until trainings are killed that have been asked to leave: by a person, by a system."""
LIMIT, LEAST = 30, 600.0
"""A training may take so many times what is expected, and at least so many seconds."""


@dataclass(frozen=True)
class Options:
    """How a study is driven; nothing in here changes what a training comes to.

    `device` is this process's; a worker that sees one GPU alone has another name for it.
    """

    trials: int | None = None
    hours: float = inf
    sampler: str = "auto"
    seed: int = 0
    fork: bool = False
    picks: Sequence[Architecture] = ()
    device: str = "auto"
    worker_device: str = "auto"
    threads: int = 1
    time_limit: float | None = None
    root: Path | None = None
    download: bool = False
    keep_all: bool = False
    quiet: bool = False
    stop: Stop | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `code` is a signal's where one ended it."""

    code: int = 0
    is_finished: bool = True
    trained: int = 0


class Run:
    """One run of a study by one driver."""

    def __init__(self, place: Place, options: Options, executor: Executor, workers: int) -> None:
        self.place, self.options, self.executor, self.workers = place, options, executor, workers
        recipe = resolved(place.experiment.recipe_value)
        if recipe is None:
            raise SpaceError(f"{place.experiment.path} was read without a recipe to train with")
        self.recipe: Recipe = recipe
        try:
            choose(options.device)
        except ValueError as error:
            raise SpaceError(str(error)) from None

    @property
    def budget(self) -> int:
        """How many architectures are tried."""
        size = self.place.experiment.space.size
        return min(size, self.options.trials or MOST)

    @property
    def trainings(self) -> int:
        """How many trainings that is, with baselines and seeds."""
        chosen = len(self.options.picks) or self.budget
        return (chosen + len(self.place.experiment.baselines)) * len(self.recipe.seeds)

    def plan(self, expected: Forecast | None, data: Data | None = None) -> Iterator[str]:
        """Yield what will be done, and how long it will take."""
        experiment, recipe = self.place.experiment, self.recipe
        chosen = len(self.options.picks) or self.budget
        preview = "  PREVIEW: a smaller network on fewer images" if experiment.is_preview else ""
        yield f"{experiment.name}, recipe {experiment.recipe}{preview}"
        seeds = f"{len(recipe.seeds)} seed{'s' * (len(recipe.seeds) > 1)}"
        yield (
            f"{chosen:,} of {experiment.space.size:,} architectures, "
            f"{len(experiment.baselines)} baselines, {seeds}: {self.trainings:,} trainings of "
            f"{recipe.epochs} epochs"
        )
        if data:
            split = f"{len(data.train):,} to learn, {len(data.validation):,} to judge"
            yield f"{data.provenance}; {split}"
        took = "no forecast for this recipe"
        if expected:
            total = expected.mean * self.trainings / self.workers
            took = f"about {words(expected.mean)} each, {words(total)} in all"
        limit = self.limit(expected)
        until = "" if limit == inf else f"; a training is given up after {words(limit)}"
        yield f"{self.workers} workers, {took}{until}"
        _, weights = expected_size(self.baseline.build(), recipe.optimizer, bool(recipe.ema))
        size = f"about {weights / 1e6:.1f} MB for each network on the front"
        yield f"{self.place.folder.path} keeps it all, {size}"

    @property
    def baseline(self) -> Architecture:
        """A network of the experiment, to tell sizes by."""
        spaces = [*self.place.experiment.baselines.values(), self.place.experiment.space]
        return next(iter(spaces[0]))

    def limit(self, expected: Forecast | None) -> float:
        """Return the seconds that a training may take."""
        if self.options.time_limit is not None:
            return self.options.time_limit
        return max(LEAST, LIMIT * expected.longest) if expected else inf

    def __call__(self, study: Study) -> Outcome:
        """Train what is asked for and return how it ended."""
        started = time.monotonic()
        first = study.interrupted()
        ask = self.asker(study)
        if not first and (proposal := ask()):
            first = [proposal]
        if not first:
            return Outcome()
        data = self.data()
        expected = forecast(self.place.experiment, self.options.device, self.options.threads, data)
        screen = self.screen(study, expected)
        for line in self.plan(expected, data):
            screen.say(line)
        watch = Watch(self.place, study, screen, self.options.keep_all)
        loop = Loop(
            study,
            self.executor,
            partial(self.job, seconds=self.limit(expected)),
            watch,
            self.measure,
            self.options.stop or (lambda proposal, epoch: ""),
        )
        watch("began", study=study.name, trainings=self.trainings, workers=self.workers)
        with ExitStack() as stack:
            stack.callback(screen.close)
            signals = stack.enter_context(Signals())
            until = started + 3600 * self.options.hours
            loop.run(ask, lambda: bool(signals.code), until, first)
            is_late = time.monotonic() > until
            if loop.running:
                why = f"{self.options.hours:g} hours are over" if is_late else "asked to stop"
                screen.say(f"{why}: what runs ends with its epoch; once more stops it at once")
                loop.leave(BRISK if signals.code == 143 else PATIENT)
        trained = screen.progress.ended["complete"]
        is_finished = not (signals.code or is_late)
        watch.log("ended", code=signals.code, trained=trained, finished=is_finished)
        return Outcome(signals.code, is_finished, trained)

    def asker(self, study: Study) -> Callable[[], Proposal | None]:
        """Return what asks the study: for the architectures picked, or for any."""
        if not self.options.picks:
            return partial(study.ask, self.budget)

        def picked() -> Proposal | None:
            # no architectures, but baselines all the same
            if proposal := study.ask(0):
                return proposal
            proposals = (study.pick(architecture) for architecture in self.options.picks)
            return next((proposal for proposal in proposals if proposal), None)

        return picked

    def data(self) -> Data:
        """Open the images once, so that what is missing is said here and made only once."""
        try:
            return load(self.recipe, self.options.root, self.options.download)
        except (ValueError, OSError) as error:
            raise SpaceError(str(error)) from None

    def screen(self, study: Study, expected: Forecast | None) -> Lines:
        """Return what shows the progress."""
        before = sum(row.status not in ("running", "interrupted") for row in study.rows())
        progress = Progress(
            study.name,
            self.trainings,
            self.workers,
            self.recipe.epochs,
            expected.mean if expected else 0.0,
            done_before=before,
        )
        return display(progress, self.options.quiet)

    def job(self, proposal: Proposal, seconds: float) -> Job:
        """Write down what a worker needs."""
        experiment, options = self.place.experiment, self.options
        return Job(
            number=proposal.number,
            space=str(self.place.folder.space.resolve()) if self.place.has_file else "",
            recipe=experiment.recipe or "",
            choices=dict(proposal.architecture.choices),
            baseline=proposal.name,
            seed=proposal.seed,
            folder=str(self.place.folder.path.resolve() / "trials" / proposal.folder),
            shape=experiment.shape,
            classes=experiment.classes,
            device=options.worker_device,
            threads=options.threads,
            seconds=seconds,
            root=str(options.root.resolve()) if options.root else None,
            download=False,
            changes=dict(self.place.changes),
        )

    def measure(self, proposal: Proposal) -> Mapping[str, float]:
        """Measure what objectives and limits ask for beyond counts and scores."""
        experiment = self.place.experiment
        asked = {*experiment.objectives, *(limit.metric for limit in experiment.limits)}
        wanted = asked & {"latency", "memory"}
        if not wanted:
            return {}
        found = speed(proposal.architecture.network, experiment.shape, 1, self.options.device)
        return {name: float(getattr(found, name)) for name in sorted(wanted)}


@dataclass
class Watch:
    """Writes the log, tells the screen, and clears away what nobody needs any more."""

    place: Place
    study: Study
    screen: Lines
    keep_all: bool

    def __call__(self, event: str, **facts: Any) -> None:
        """Take note of an event."""
        self.log(event, **facts)
        self.screen(event, **facts)
        if event in ("began", "finished"):
            self._look()

    def log(self, event: str, **facts: Any) -> None:
        """Write an event into the log."""
        self.place.folder.log(event, **facts)

    def _look(self) -> None:
        """See who is best now, and let go of the weights of what is off the front."""
        best, front = self.study.best(), self.study.front()
        self.screen(
            "standing",
            best=f"{names(best)}: {best.mean:.4f}" if best else "",
            front=len(front),
            counts=self.study.counts(),
        )
        if not self.keep_all:
            kept = {number for mean in front for number in mean.numbers}
            tidy(self.place.folder.path / "trials", self.study, kept)


def tidy(folder: Path, study: Study, kept: set[int]) -> None:
    """Remove the weights of finished trainings off the front, and the states of all that ended."""
    for row in study.rows():
        held = folder / row.folder
        if row.status in ("running", "interrupted") or not held.is_dir():
            continue
        for path in held.glob("*.state"):
            is_kept = path.name == WEIGHTS and (row.name or row.number in kept)
            if not is_kept:
                path.unlink(missing_ok=True)
        if not any(held.iterdir()):
            shutil.rmtree(held, ignore_errors=True)


def picked(text: str, place: Place) -> Architecture:
    """Read an architecture such as `mix.scales=3 mix.omega=30`."""
    space = place.experiment.space
    choices = {}
    for word in text.split():
        name, _, label = word.partition("=")
        labels = space.labels.get(name)
        if labels is None:
            raise SpaceError(f"there is no choice {name!r}; there are {', '.join(space.labels)}")
        found = [one for one in labels if str(one) == label]
        if not found:
            offered = ", ".join(map(str, labels))
            raise SpaceError(f"{name} = {label!r} is not offered; there are {offered}")
        choices[name] = found[0]
    return space.at(choices)
