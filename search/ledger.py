"""The trials of a study as Optuna stores them, each written whole, and read as plain entries."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import count
from typing import Any, TypeVar

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage, get_storage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.entry import Entry, State
from search.notes import note
from search.objectives import Objective
from search.record import Record
from search.rows import row
from search.sampler import quiet
from search.storage import Database, insist, told

Result = TypeVar("Result")

STATES: Mapping[State, TrialState] = {
    "running": TrialState.RUNNING,
    "waiting": TrialState.WAITING,
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "fail": TrialState.FAIL,
}
WORDS: Mapping[TrialState, State] = {state: word for word, state in STATES.items()}
RECORD = "record"
BOUND = "constraints"
NOTE = 2000
"""How many letters of a note the dashboard keeps in one piece."""


class Ledger:
    """One study in a database that may hold many; who writes two things at once holds its lock."""

    def __init__(
        self,
        database: Database,
        distributions: Mapping[str, BaseDistribution],
        stamps: Sequence[str] = (),
    ) -> None:
        self.database = database
        self.stamps = stamps
        self.distributions = distributions
        self.name = ""
        self._id = -1
        self._over: dict[int, Entry] = {}
        # what Optuna says of tables that are newer than itself is a RuntimeError
        faults = (StorageInternalError, RuntimeError)
        with told(database.shown, *faults), quiet(), database.exclusive():
            database.prepare()
            self.backend = RDBStorage(database.url, engine_kwargs=dict(database.arguments))
        self._storage = get_storage(self.backend)

    def alone(self, action: Callable[[], Result]) -> Result:
        """Do something while no other driver does."""

        def locked() -> Result:
            with self.database.exclusive():
                return action()

        return insist(self.database, locked, StorageInternalError)

    def close(self) -> None:
        """Let go of the database."""
        self.backend.engine.dispose()
        self.database.close()

    def records(self, title: str) -> dict[str, Record]:
        """Return the studies of a title with what they hold for, the newest first."""
        found = {}
        for study in reversed(self._storage.get_all_studies()):
            name, _, number = study.study_name.rpartition(" ")
            written = study.user_attrs.get(RECORD)
            is_one = study.study_name == title or (name == title and number.isdigit())
            # one without a record is not ours, or was left before it was whole
            if is_one and written:
                found[study.study_name] = Record(**written)
        return found

    def names(self) -> list[str]:
        """Return all studies that have been begun with a record, the newest first."""
        studies = reversed(self._storage.get_all_studies())
        return [study.study_name for study in studies if study.user_attrs.get(RECORD)]

    def create(self, title: str, goals: Sequence[Objective]) -> None:
        """Begin a study under a name that is free; it counts once it is sealed."""
        taken = {study.study_name for study in self._storage.get_all_studies()}
        names = (title if number == 1 else f"{title} {number}" for number in count(1))
        name = next(name for name in names if name not in taken)
        directions = [StudyDirection[goal.direction.upper()] for goal in goals]
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            self._storage.create_new_study(directions, name)
            study = optuna.load_study(study_name=name, storage=self._storage)
            study.set_metric_names([goal.metric for goal in goals])
        self.enter(name)

    def enter(self, name: str) -> None:
        """Turn to a study that exists."""
        self.name = name
        self._id = self._storage.get_study_id_from_name(name)
        self._over = {}

    def seal(self, written: Record) -> None:
        """Note what the study holds for."""
        self._storage.set_study_user_attr(self._id, RECORD, asdict(written))

    def entries(self) -> list[Entry]:
        """Return all trials that are ours, in the order of their numbers."""
        with told(self.database.shown, StorageInternalError):
            trials = self._storage.get_all_trials(self._id, deepcopy=False)
        return [self._entry(trial) for trial in trials if "key" in trial.user_attrs]

    def entry(self, number: int) -> Entry:
        """Return one trial."""
        return self._entry(self._storage.get_trial(self._at(number)))

    def store(self, draft: Entry, lease: Mapping[str, object]) -> int:
        """Store a trial in one piece, under a lease while it is not over; return its number."""
        choices = {} if draft.kept["name"] else draft.kept["choices"]
        names = [name for name in self.distributions if name in choices]
        template = create_trial(
            state=STATES[draft.state],
            values=list(draft.values) or None,
            params={name: choices[name] for name in names},
            distributions={name: self.distributions[name] for name in names},
            user_attrs={**draft.kept, **({} if draft.is_over else {"lease": dict(lease)})},
            system_attrs={**draft.system, **both_ways(draft.violations)},
            intermediate_values=dict(draft.scores),
        )
        template.datetime_start = draft.began or template.datetime_start
        trial_id = self._storage.create_new_trial(self._id, template)
        return self._storage.get_trial(trial_id).number

    def keep(self, number: int, key: str, value: object) -> None:
        """Note something about a trial."""
        self._write(number, lambda at: self._storage.set_trial_user_attr(at, key, value))

    def score(self, number: int, place: int, score: float) -> None:
        """Note a point of a trial's curve."""
        self._write(number, lambda at: self._storage.set_trial_intermediate_value(at, place, score))

    def turn(self, number: int, state: State) -> None:
        """Let a trial run, or wait."""
        self._write(number, lambda at: self._storage.set_trial_state_values(at, STATES[state]))

    def end(self, before: Entry, after: Entry) -> None:
        """Give a trial its end: its result, what that breaks, a note to read, then the state."""

        def write(at: int) -> None:
            if "result" in after.kept:
                self._storage.set_trial_user_attr(at, "result", after.kept["result"])
                self._storage.set_study_system_attr(self._id, f"dashboard:{at}:note_ver", 1)
                told = row(after.number, after.status, after.kept, after.scores)
                text = note(told, self.stamps, after.kept["result"].get("details", ""))[:NOTE]
                self._storage.set_study_system_attr(self._id, f"dashboard:{at}:note_str:0", text)
            if after.violations != before.violations:
                for key, value in both_ways(after.violations).items():
                    self._storage.set_trial_system_attr(at, key, value)
            values = list(after.values) or None
            self._storage.set_trial_state_values(at, STATES[after.state], values)

        self._write(before.number, write)

    def draw(self, figures: Mapping[str, Any]) -> None:
        """Keep figures of plotly with the study, where the dashboard shows them."""
        from optuna_dashboard import save_plotly_graph_object

        with quiet(), told(self.database.shown, StorageInternalError):
            study = optuna.load_study(study_name=self.name, storage=self._storage)
            for name, figure in figures.items():
                save_plotly_graph_object(study, figure, graph_object_id=name)

    def _write(self, number: int, action: Callable[[int], object]) -> None:
        try:
            insist(self.database, lambda: action(self._at(number)), StorageInternalError)
        except UpdateFinishedTrialError:
            return  # another driver has told it; what has been told stays

    def _at(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)

    def _entry(self, trial: FrozenTrial) -> Entry:
        if trial.number in self._over:
            return self._over[trial.number]
        bounds, system = {}, {}
        for key, value in trial.system_attrs.items():
            start, _, name = key.partition(":")
            if start != BOUND:
                system[key] = value
            elif name:
                bounds[name] = value
        entry = Entry(
            WORDS[trial.state],
            trial.user_attrs,
            tuple(trial.values or ()),
            bounds,
            system,
            trial.intermediate_values,
            trial.datetime_start,
            trial.number,
        )
        if entry.is_over:
            self._over[trial.number] = entry
        return entry


def both_ways(violations: Mapping[str, float]) -> dict[str, Any]:
    """Write constraints as Optuna 5 reads them, and as the list that its dashboard looks for."""
    named = {f"{BOUND}:{name}": value for name, value in violations.items()}
    return {**named, BOUND: list(violations.values())} if violations else {}
