"""Drive a study from its first training to its last: what `search run` does, and `search.run`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from math import inf
from pathlib import Path

from search.ablation import Elsewhere
from search.display import Lines, Progress, display
from search.experiment import Experiment, resolved
from search.forecast import Forecast, forecast, words
from search.further import Further
from search.job import Job
from search.loop import Executor, Loop
from search.place import Place, find_name, placed, recipes_of
from search.proposal import Proposal
from search.rows import Row
from search.signals import Signals
from search.stopping import chosen, stopper
from search.study import Study
from search.watch import Watch
from search.workers import Workers
from spaces import Architecture, SpaceError
from trials.checkpoint import expected_size
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

    `device` is this process's; a worker that sees one GPU alone has another name for it. `ask`
    is for whoever knows what to train, `asked` trainings of it; of networks that are not in the
    space `elsewhere` says by name how a worker finds them. `further` trainings go to the seeds that
    tell most, once everything has had its own.
    """

    trials: int | None = None
    hours: float = inf
    picks: Sequence[Architecture] = ()
    device: str = "auto"
    worker_device: str = "auto"
    threads: int = 1
    time_limit: float | None = None
    root: Path | None = None
    download: bool = False
    keep_all: bool = False
    quiet: bool = False
    stopping: str = "auto"
    further: int = 0
    ask: Callable[[Study], Proposal | None] | None = None
    asked: int = 0
    elsewhere: Mapping[str, Elsewhere] = field(default_factory=dict)


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
        self.stopping = chosen(options.stopping, recipe.epochs)
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
        every = (chosen + len(self.place.experiment.baselines)) * len(self.recipe.seeds)
        return self.options.asked or every + self.options.further

    @property
    def scope(self) -> str:
        """Say of what the trainings are; whoever asks for them has said so already."""
        if self.options.asked:
            return ""
        experiment, seeds = self.place.experiment, len(self.recipe.seeds)
        return (
            f"{len(self.options.picks) or self.budget:,} of {experiment.space.size:,} "
            f"architectures, {len(experiment.baselines)} baselines, "
            f"{seeds} seed{'s' * (seeds > 1)}: "
        )

    def plan(self, expected: Forecast | None, data: Data | None = None) -> Iterator[str]:
        """Yield what will be done, and how long it will take."""
        experiment, recipe = self.place.experiment, self.recipe
        preview = "  PREVIEW: a smaller network on fewer images" if experiment.is_preview else ""
        yield f"{experiment.name}, recipe {experiment.recipe}{preview}"
        yield f"{self.scope}{self.trainings:,} trainings of {recipe.epochs} epochs"
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
        if self.stopping != "none":
            yield f"what is clearly worse at its price ends early: --stopping {self.stopping}"
        _, weights = expected_size(self.baseline.build(), recipe.optimizer, bool(recipe.ema))
        size = f"about {weights / 1e6:.1f} MB for each network on the front"
        yield f"{self.place.folder.path} keeps it all, {size}"

    def real(self) -> Iterator[str]:
        """After a preview, yield the command of the recipe that is meant, and its price here."""
        path = self.place.experiment.path
        recipes = recipes_of(path)
        others = [name for name in recipes if name != self.place.experiment.recipe]
        if not self.place.experiment.is_preview or not others:
            return
        meant = placed(find_name(path), others[0])
        expected = forecast(meant, self.options.device, self.options.threads)
        took = "no forecast for it"
        if expected:
            trainings = self.trainings // len(self.recipe.seeds) * seeds_of(meant.experiment)
            total = expected.mean * trainings / self.workers
            took = f"about {words(total)} here for {trainings} trainings"
        yield f"for real: search run {meant.named}  ({took})"

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
        first = study.interrupted()
        ask = self.asker(study)
        if not first and (proposal := ask()):
            first = [proposal]
        if not first:
            return Outcome()
        data = self.data()
        workers = self.executor if isinstance(self.executor, Workers) else None
        device = self.options.worker_device if workers else self.options.device
        expected = forecast(self.place, device, self.options.threads, data, workers)
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
            stopper(self.stopping, study, self.recipe.epochs, self.recipe.seeds[0]),
        )
        watch("began", study=study.name, trainings=self.trainings, workers=self.workers)
        with ExitStack() as stack:
            stack.callback(screen.close)
            signals = stack.enter_context(Signals())
            until = time.monotonic() + 3600 * self.options.hours
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
        if self.options.ask:
            return partial(self.options.ask, study)
        if not self.options.picks:
            further = Further(study, self.options.further) if self.options.further else None
            return partial(self.next, study, further)

        def picked() -> Proposal | None:
            # no architectures, but baselines all the same
            if proposal := study.ask(0):
                return proposal
            proposals = (study.pick(architecture) for architecture in self.options.picks)
            return next((proposal for proposal in proposals if proposal), None)

        return picked

    def next(self, study: Study, further: Further | None) -> Proposal | None:
        """Return the next training: of what has had none, then of what further seeds tell most."""
        proposal = study.ask(self.budget)
        return further() if further and not proposal else proposal

    def data(self) -> Data:
        """Open the images once, so that what is missing is said here and made only once."""
        try:
            return load(self.recipe, self.options.root, self.options.download)
        except (ValueError, OSError) as error:
            raise SpaceError(str(error)) from None

    def screen(self, study: Study, expected: Forecast | None) -> Lines:
        """Return what shows the progress."""
        before = sum(
            self.counts(row) for row in study.rows() if row.status not in ("running", "interrupted")
        )
        progress = Progress(
            study.name,
            self.trainings,
            self.workers,
            self.recipe.epochs,
            expected.mean if expected else 0.0,
            done_before=before,
        )
        return display(progress, self.options.quiet)

    def counts(self, row: Row) -> bool:
        """Tell whether a training is one of those that are counted here."""
        picks = [one.choices for one in self.options.picks]
        # who asks for trainings counts those that are missing
        return not self.options.asked and (bool(row.name) or not picks or row.choices in picks)

    def job(self, proposal: Proposal, seconds: float) -> Job:
        """Write down what a worker needs."""
        experiment, options = self.place.experiment, self.options
        name, choices = proposal.name, proposal.architecture.choices
        changes = self.place.changes
        if other := options.elsewhere.get(name):
            name, choices, changes = other.baseline, other.choices, {**changes, **other.changes}
        return Job(
            number=proposal.number,
            space=str(self.place.folder.space.resolve()) if experiment.has_file else "",
            recipe=experiment.recipe or "",
            choices=dict(choices),
            baseline=name,
            seed=proposal.seed,
            folder=str(self.place.folder.path.resolve() / "trials" / proposal.folder),
            shape=experiment.shape,
            classes=experiment.classes,
            device=options.worker_device,
            threads=options.threads,
            seconds=seconds,
            root=str(options.root.resolve()) if options.root else None,
            download=False,
            changes=dict(changes),
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


def seeds_of(experiment: Experiment) -> int:
    """Count the seeds of an experiment's recipe."""
    recipe = resolved(experiment.recipe_value)
    return len(recipe.seeds) if recipe else 1
