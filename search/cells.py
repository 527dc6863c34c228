"""Trials in Optuna's tables, each read and written in one go: Optuna itself goes cell by cell."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, Table, and_, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

OPEN = ("RUNNING", "WAITING")
Rows = Sequence[Mapping[str, Any]]
COLUMNS = {
    "trial_params": ("param_name", "param_value"),
    "trial_user_attributes": ("key", "value_json"),
    "trial_system_attributes": ("key", "value_json"),
    "trial_values": ("objective", "value"),
    "trial_intermediate_values": ("step", "intermediate_value"),
    "study_system_attributes": ("key", "value_json"),
}
"""What tells the rows of one trial, or one study, apart, and what they say."""

PARTS = {
    "trial_user_attributes": "user",
    "trial_system_attributes": "system",
    "trial_values": "values",
    "trial_intermediate_values": "scores",
}


@dataclass(frozen=True)
class Stored:
    """A trial as it lies in the tables; `state` is Optuna's."""

    at: int
    number: int
    state: Any
    began: datetime | None
    user: dict[str, Any] = field(default_factory=dict)
    system: dict[str, Any] = field(default_factory=dict)
    values: dict[int, float] = field(default_factory=dict)
    scores: dict[int, float] = field(default_factory=dict)


class Cells:
    """Reads and writes whole trials; one that has ended stays as it is.

    Its statements are written once: to write one takes as long as to execute it.
    """

    def __init__(self, engine: Engine, tables: Mapping[str, Table]) -> None:
        self._engine = engine
        studies, trials = tables["studies"], tables["trials"]
        mine = trials.c.study_id == bindparam("study")
        named = trials.c.trial_id.in_(bindparam("places", expanding=True))
        fields = (trials.c.trial_id, trials.c.number, trials.c.state, trials.c.datetime_start)
        wanted = and_(mine, or_(named, trials.c.trial_id > bindparam("after")))
        self._trials = select(*fields).where(wanted).order_by(trials.c.trial_id)
        ids = select(trials.c.trial_id).where(wanted)
        self._parts = {name: cells(tables[name], ids) for name in PARTS}
        same = studies.c.study_id == bindparam("study")
        self._study = select(studies.c.study_id).where(same).with_for_update()
        count = select(func.count()).where(mine).scalar_subquery()
        self._new = insert(trials).values(study_id=bindparam("study"), number=count)
        here = trials.c.trial_id == bindparam("at")
        self._number = select(trials.c.number).where(here)
        is_open = and_(here, trials.c.state.in_(OPEN))
        # where nothing changes too: no other writer is let at the trial until the end
        self._hold = update(trials).where(is_open).values(trial_id=trials.c.trial_id)
        self._end = update(trials).where(is_open)
        self._add = {name: insert(tables[name]) for name in COLUMNS}
        self._put = {name: upsert(engine, tables[name]) for name in COLUMNS}

    def read(self, study: int, places: Collection[int], after: int) -> list[Stored]:
        """Return trials of a study, those at some places and all after one, the oldest first."""
        wanted = {"study": study, "places": list(places), "after": after}
        with self._engine.connect() as connection:
            # the states come first: whatever has ended by then is all there
            found = {
                at: Stored(at, *rest) for at, *rest in connection.execute(self._trials, wanted)
            }
            for name, part in PARTS.items() if found else ():
                for at, key, value in connection.execute(self._parts[name], wanted):
                    # one that another driver has added since comes the next time
                    if at in found:
                        values = getattr(found[at], part)
                        values[key] = json.loads(value) if isinstance(value, str) else value
        return list(found.values())

    def insert(
        self, study: int, trial: Mapping[str, Any], parts: Mapping[str, Rows]
    ) -> tuple[int, int]:
        """Write a new trial; return its number, and where it lies."""
        with self._engine.begin() as connection:
            # what else adds trials waits here too; in a file there is one writer anyway
            connection.execute(self._study, {"study": study})
            made = connection.execute(self._new, {**trial, "study": study})
            assert made.inserted_primary_key
            at = int(made.inserted_primary_key[0])
            for name, rows in parts.items():
                if rows:
                    connection.execute(self._add[name], [{"trial_id": at, **row} for row in rows])
            return int(connection.execute(self._number, {"at": at}).scalar_one()), at

    def write(
        self, at: int, parts: Mapping[str, Rows], state: str = "", about: tuple[int, Rows] = (0, ())
    ) -> None:
        """Write parts of an open trial, at its end with the state, and `about` it in its study."""
        study, notes = about
        statement, values = self._hold, {}
        if state:
            statement, values = self._end, {"state": state, "datetime_complete": datetime.now()}
        with self._engine.begin() as connection:
            held = connection.execute(statement, {"at": at, **values})
            if not held.rowcount:
                return  # another driver has told it; what has been told stays
            for name, rows in parts.items():
                if rows:
                    connection.execute(self._put[name], [{"trial_id": at, **row} for row in rows])
            if notes:
                rows = [{"study_id": study, **row} for row in notes]
                connection.execute(self._put["study_system_attributes"], rows)


def cells(table: Table, trials: Select[Any]) -> Select[Any]:
    """Return what finds the rows of trials."""
    key, value = COLUMNS[table.name]
    return select(table.c.trial_id, table.c[key], table.c[value]).where(
        table.c.trial_id.in_(trials)
    )


def upsert(engine: Engine, table: Table) -> Any:
    """Return what inserts a row, in place of one of the same name where there is one."""
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    key = COLUMNS[table.name][0]
    owner = "study_id" if "study_id" in table.c else "trial_id"
    written = dialect.insert(table)
    changed = {
        column.name: written.excluded[column.name]
        for column in table.c
        if not column.primary_key and column.name not in (owner, key)
    }
    return written.on_conflict_do_update(index_elements=[owner, key], set_=changed)


def attributes(values: Mapping[str, Any]) -> Rows:
    """Return attributes as rows."""
    return [{"key": key, "value_json": json.dumps(value)} for key, value in values.items()]


def numbers(values: Iterable[float]) -> Rows:
    """Return the values of objectives as rows; all of them are finite."""
    return [
        {"objective": place, "value": value, "value_type": "FINITE"}
        for place, value in enumerate(values)
    ]


def points(scores: Mapping[int, float]) -> Rows:
    """Return a curve as rows; all of its points are finite."""
    return [
        {"step": step, "intermediate_value": score, "intermediate_value_type": "FINITE"}
        for step, score in scores.items()
    ]
