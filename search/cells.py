"""Trials in Optuna's tables, each read and written in one go: Optuna itself goes cell by cell."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, and_, delete, func, insert, select, update

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
    """Writes trials whole or not at all; one that has ended stays as it is."""

    def __init__(self, engine: Engine, tables: Mapping[str, Table]) -> None:
        self._engine, self._tables = engine, tables

    def read(self, study: int, places: Collection[int], after: int | None = None) -> list[Stored]:
        """Return trials of a study, those named and all after one, the oldest first."""
        trials = self._tables["trials"]
        named = trials.c.trial_id.in_(places)
        wanted = and_(trials.c.study_id == study, named)
        if after is not None:
            wanted = and_(trials.c.study_id == study, named | (trials.c.trial_id > after))
        columns = (trials.c.trial_id, trials.c.number, trials.c.state, trials.c.datetime_start)
        chosen = select(*columns).where(wanted).order_by(trials.c.trial_id)
        with self._engine.connect() as connection:
            # the states come first: whatever has ended by then is all there
            found = {at: Stored(at, *rest) for at, *rest in connection.execute(chosen)}
            ids = select(trials.c.trial_id).where(wanted)
            for name, part in PARTS.items() if found else ():
                table, (key, value) = self._tables[name], COLUMNS[name]
                cells = select(table.c.trial_id, table.c[key], table.c[value])
                for at, place, held in connection.execute(cells.where(table.c.trial_id.in_(ids))):
                    # one that another driver has added since comes the next time
                    if at in found:
                        values = getattr(found[at], part)
                        values[place] = json.loads(held) if value == "value_json" else held
        return list(found.values())

    def insert(
        self, study: int, trial: Mapping[str, Any], parts: Mapping[str, Rows]
    ) -> tuple[int, int]:
        """Write a new trial; return its number, and where it lies."""
        studies, trials = self._tables["studies"], self._tables["trials"]
        mine = trials.c.study_id == study
        with self._engine.begin() as connection:
            # what else adds trials waits here too; in a file there is one writer anyway
            connection.execute(select(studies).where(studies.c.study_id == study).with_for_update())
            number = select(func.count()).where(mine).scalar_subquery()
            made = connection.execute(
                insert(trials).values({**trial, "study_id": study, "number": number})
            )
            assert made.inserted_primary_key
            at = int(made.inserted_primary_key[0])
            for name, rows in parts.items():
                self._add(connection, name, "trial_id", at, rows)
            found = connection.execute(select(trials.c.number).where(trials.c.trial_id == at))
            return int(found.scalar_one()), at

    def write(
        self, at: int, parts: Mapping[str, Rows], state: str = "", about: tuple[int, Rows] = (0, ())
    ) -> None:
        """Write parts of an open trial, at its end with the state, and `about` it in its study."""
        trials = self._tables["trials"]
        is_open = (trials.c.trial_id == at) & trials.c.state.in_(OPEN)
        end = {"state": state, "datetime_complete": datetime.now()} if state else {}
        with self._engine.begin() as connection:
            # also where nothing changes: until the end no other writer is let at the trial
            changed = end or {"trial_id": at}
            if not connection.execute(update(trials).where(is_open).values(changed)).rowcount:
                return  # another driver has told it; what has been told stays
            for name, rows in parts.items():
                self._put(connection, name, "trial_id", at, rows)
            self._put(connection, "study_system_attributes", "study_id", *about)

    def _put(self, connection: Connection, name: str, owner: str, at: int, rows: Rows) -> None:
        """Write rows in place of those of the same name."""
        if rows:
            table, (key, _) = self._tables[name], COLUMNS[name]
            old = table.c[key].in_([row[key] for row in rows])
            connection.execute(delete(table).where(table.c[owner] == at, old))
            self._add(connection, name, owner, at, rows)

    def _add(self, connection: Connection, name: str, owner: str, at: int, rows: Rows) -> None:
        if rows:
            connection.execute(insert(self._tables[name]), [{owner: at, **row} for row in rows])


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
