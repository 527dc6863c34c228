"""What a sampler of Optuna is shown and asked: the trials of the space, held in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from random import Random
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.entry import Entry, State
from search.experiment import Experiment
from search.objectives import objective
from spaces import Architecture, SpaceError
from spaces.labels import Label, near


class Genetic(NSGAIISampler):
    """NSGA-II, whose parents come in one order, whether they were just chosen or looked up."""

    def get_parent_population(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        """Return the parents of a generation by their numbers."""
        parents = super().get_parent_population(study, generation)
        return sorted(parents, key=lambda trial: trial.number)


SAMPLERS: Mapping[str, Callable[..., BaseSampler]] = {
    "tpe": TPESampler,
    "nsga2": Genetic,
    "random": RandomSampler,
    "gp": GPSampler,
}
STATES: Mapping[State, TrialState] = {
    "running": TrialState.RUNNING,
    "waiting": TrialState.RUNNING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "fail": TrialState.FAIL,
}
"""What a state is to a sampler: what waits to be gone on with is on its way."""


class Sampler:
    """Suggests architectures by a method of Optuna, and leaves storing them to others.

    "auto" is TPE here, for the experiments that our own sampler is not for.
    Each suggestion has a seed of its own, drawn from how many trials have been shown: a search
    that goes on suggests what it would have suggested without a break.
    """

    def __init__(self, name: str, seed: int, experiment: Experiment) -> None:
        method = "tpe" if name == "auto" else name
        if method not in SAMPLERS:
            hint = near(name, SAMPLERS) or f"; there are auto, {', '.join(SAMPLERS)}"
            raise SpaceError(f"there is no sampler {name!r}{hint}")
        self.name = name
        self.space = experiment.space
        self.seed = seed
        self.distributions = {
            name: distribution(labels)
            for name, labels in self.space.labels.items()
            if len(labels) > 1
        }
        self._make = SAMPLERS[method]
        goals = [objective(text) for text in experiment.objectives]
        with quiet():
            self._study = optuna.create_study(directions=[goal.direction for goal in goals])
        self._shown: dict[int, bool] = {}
        self._running: dict[int, int] = {}

    @property
    def is_blind(self) -> bool:
        """Tell whether no trial matters to what is suggested: then none needs to be shown."""
        return self.name == "random"

    def suggest(self, entries: Iterable[Entry]) -> tuple[Architecture, dict[str, Any]]:
        """Return an architecture, and what its trial shall keep for the sampler."""
        for entry in entries:
            if not entry.kept["name"]:
                self._show(entry)
        seed = Random(f"{self.seed} {len(self._shown)}").getrandbits(32)
        self._study.sampler = self._make(seed=seed)
        trial = self._study.ask()

        def pick(name: str, labels: tuple[Label, ...]) -> Label:
            held = self.distributions.get(name)
            if isinstance(held, IntDistribution):
                return trial.suggest_int(name, held.low, held.high, step=held.step)
            return trial.suggest_categorical(name, labels) if held else labels[0]

        architecture = self.space.sample(pick)
        # it comes back among the entries, once it is stored
        withdrawn = self._study.tell(trial, state=TrialState.FAIL)
        return architecture, withdrawn.system_attrs

    def _show(self, entry: Entry) -> None:
        """Show a trial of the space, or how one has ended that was running when it was shown."""
        if self._shown.get(entry.number) is entry.is_over:
            return
        self._shown[entry.number] = entry.is_over
        if self.is_blind:
            return
        if entry.number in self._running:
            self._study.tell(self._running.pop(entry.number), state=TrialState.FAIL)
        choices = entry.kept["choices"]
        names = [name for name in self.distributions if name in choices]
        self._study.add_trial(
            create_trial(
                state=STATES[entry.state],
                values=list(entry.values) or None,
                params={name: choices[name] for name in names},
                distributions={name: self.distributions[name] for name in names},
                system_attrs=dict(entry.system),
                constraints=dict(entry.violations),
            )
        )
        if not entry.is_over:
            self._running[entry.number] = len(self._study.get_trials(deepcopy=False)) - 1


def distribution(labels: tuple[Label, ...]) -> BaseDistribution:
    """Return an integer range for an arithmetic progression, categories for anything else."""
    numbers = sorted(label for label in labels if type(label) is int)
    steps = {after - before for before, after in pairwise(numbers)}
    if len(numbers) == len(labels) and len(steps) == 1:
        return IntDistribution(numbers[0], numbers[-1], step=steps.pop())
    return CategoricalDistribution(labels)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from announcing every study that it makes."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
