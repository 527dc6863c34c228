"""The trials of a study as Optuna stores them, each written whole, and read as plain entries."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import count
from math import isfinite
from typing import Any, TypeVar

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.exceptions import ExperimentalWarning, StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage, get_storage
from optuna.storages._rdb.models import BaseModel
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.cells import Cells, Rows, Stored, attributes, numbers, points
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
        # by number; then the places of those that can still change, and the last place read
        self._known: dict[int, Entry] = {}
        self._places: dict[int, int] = {}
        self._open: list[int] = []
        self._last = -1
        # what Optuna says of tables that are newer than itself is a RuntimeError
        faults = (StorageInternalError, RuntimeError)
        with told(database.shown, *faults), quiet(), database.exclusive():
            database.prepare()
            self.backend = RDBStorage(database.url, engine_kwargs=dict(database.arguments))
        self._storage = get_storage(self.backend)
        self._cells = Cells(self.backend.engine, BaseModel.metadata.tables)

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
        self._known, self._places, self._open, self._last = {}, {}, [], -1

    def seal(self, written: Record) -> None:
        """Note what the study holds for."""
        self._storage.set_study_user_attr(self._id, RECORD, asdict(written))

    def entries(self) -> list[Entry]:
        """Return all trials that are ours, in the order of their numbers."""
        with told(self.database.shown, StorageInternalError):
            stored = self._cells.read(self._id, self._open, self._last)
        ours = {one.at: entry(one) for one in stored if "key" in one.user}
        self._last = max([self._last, *(one.at for one in stored)])
        self._places |= {held.number: at for at, held in ours.items()}
        self._open = [at for at, held in ours.items() if not held.is_over]
        self._known |= {held.number: held for held in ours.values()}
        return [self._known[number] for number in sorted(self._known)]

    def entry(self, number: int) -> Entry:
        """Return one trial as it was last seen."""
        if number not in self._known:
            self.entries()
        return self._known[number]

    def store(self, draft: Entry, lease: Mapping[str, object]) -> int:
        """Store a trial in one piece, under a lease while it is not over; return its number."""
        choices = {} if draft.kept["name"] else draft.kept["choices"]
        names = [name for name in self.distributions if name in choices]
        trial = create_trial(
            state=STATES[draft.state],
            values=list(draft.values) or None,
            params={name: choices[name] for name in names},
            distributions={name: self.distributions[name] for name in names},
            user_attrs={**draft.kept, **({} if draft.is_over else {"lease": dict(lease)})},
            system_attrs={**draft.system, **both_ways(draft.violations)},
            intermediate_values=dict(draft.scores),
        )
        times = {
            "datetime_start": draft.began or trial.datetime_start,
            "datetime_complete": trial.datetime_complete,
        }
        fields = {"state": trial.state, **times}
        number, at = self._cells.insert(self._id, fields, parts_of(trial))
        self._places[number] = at
        self._known[number] = replace(draft, number=number, kept=trial.user_attrs)
        return number

    def keep(self, number: int, key: str, value: object) -> None:
        """Note something about a trial."""
        parts = {"trial_user_attributes": attributes({key: value})}
        self._write(number, lambda at: self._cells.write(at, parts))

    def score(self, number: int, place: int, score: float) -> None:
        """Note a point of a trial's curve."""
        parts = {"trial_intermediate_values": points({place: score})}
        self._write(number, lambda at: self._cells.write(at, parts))

    def turn(self, number: int, state: State) -> None:
        """Let a trial run, or wait."""
        self._write(number, lambda at: self._storage.set_trial_state_values(at, STATES[state]))

    def end(self, before: Entry, after: Entry) -> None:
        """Give a trial its end: result, last score, what is broken, a note to read, the state."""
        is_broken = after.violations != before.violations
        parts = {
            "trial_values": numbers(after.values),
            "trial_system_attributes": attributes(both_ways(after.violations) if is_broken else {}),
        }
        text = ""
        if result := after.kept.get("result"):
            parts["trial_user_attributes"] = attributes({"result": result})
            told = row(after.number, after.status, after.kept, after.scores)
            last = {one.number: one.score for one in told.curve[-1:] if isfinite(one.score)}
            parts["trial_intermediate_values"] = points(last)
            text = note(told, self.stamps, result.get("details", ""))[:NOTE]

        def write(at: int) -> None:
            name = f"dashboard:{at}:note"
            notes = attributes({f"{name}_ver": 1, f"{name}_str:0": text} if text else {})
            self._cells.write(at, parts, STATES[after.state].name, (self._id, notes))

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
        if number not in self._places:
            self.entries()
        return self._places[number]


def entry(stored: Stored) -> Entry:
    """Take a trial as it is stored for ours."""
    bounds, system = {}, {}
    for key, value in stored.system.items():
        start, _, name = key.partition(":")
        if start != BOUND:
            system[key] = value
        elif name:
            bounds[name] = value
    values = (value for _, value in sorted(stored.values.items()))
    return Entry(
        WORDS[stored.state],
        stored.user,
        tuple(values),
        bounds,
        system,
        stored.scores,
        stored.began,
        stored.number,
    )


def parts_of(trial: FrozenTrial) -> dict[str, Rows]:
    """Return the rows of a new trial, by table."""
    params = [
        {
            "param_name": name,
            "param_value": distribution.to_internal_repr(trial.params[name]),
            "distribution_json": distribution_to_json(distribution),
        }
        for name, distribution in trial.distributions.items()
    ]
    return {
        "trial_params": params,
        "trial_user_attributes": attributes(trial.user_attrs),
        "trial_system_attributes": attributes(trial.system_attrs),
        "trial_values": numbers(trial.values or ()),
        "trial_intermediate_values": points(trial.intermediate_values),
    }


def both_ways(violations: Mapping[str, float]) -> dict[str, Any]:
    """Write constraints as Optuna 5 reads them, and as the list that its dashboard looks for."""
    named = {f"{BOUND}:{name}": value for name, value in violations.items()}
    return {**named, BOUND: list(violations.values())} if violations else {}
