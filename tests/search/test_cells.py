import math
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.storages._rdb.models import BaseModel
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.exc import IntegrityError

from search.cells import Cells, attributes, numbers, points
from search.ledger import parts_of

Made = tuple[Cells, optuna.Study]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    storage = RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    study = optuna.create_study(
        storage=storage, study_name="mine", directions=["maximize", "minimize"]
    )
    return Cells(storage.engine, BaseModel.metadata.tables), study


def trial(state: TrialState = TrialState.RUNNING) -> FrozenTrial:
    return create_trial(
        state=state,
        values=[0.5, 2.0] if state == TrialState.COMPLETE else None,
        params={"width": 8, "gate": None},
        distributions={
            "width": IntDistribution(4, 12, step=4),
            "gate": CategoricalDistribution((None, "SE")),
        },
        user_attrs={"key": "a", "choices": {"width": 8, "gate": None}},
        system_attrs={"constraints": [-1.0]},
        intermediate_values={1: 0.25, 2: 0.5},
    )


def inserted(made: Made, one: FrozenTrial) -> tuple[int, int]:
    cells, study = made
    times = {"datetime_start": one.datetime_start, "datetime_complete": one.datetime_complete}
    return cells.insert(study._study_id, {"state": one.state, **times}, parts_of(one))


@pytest.mark.parametrize("state", [TrialState.RUNNING, TrialState.WAITING, TrialState.COMPLETE])
def test_a_trial_is_stored_as_optuna_stores_it(made: Made, state: TrialState) -> None:
    one, (_, study) = trial(state), made

    study._storage.create_new_trial(study._study_id, one)
    number, at = inserted(made, one)

    theirs, ours = study.trials
    assert (ours.number, ours._trial_id) == (number, at) == (1, theirs._trial_id + 1)
    for name in ("number", "_trial_id"):
        setattr(ours, name, getattr(theirs, name))
    assert ours == theirs
    assert list(ours.params) == list(theirs.params)


def test_an_end_is_what_optuna_would_make_of_it(made: Made) -> None:
    cells, study = made
    (_, at), (_, other) = inserted(made, trial()), inserted(made, trial())

    cells.write(
        at,
        {
            "trial_values": numbers([0.75, 3.0]),
            "trial_user_attributes": attributes({"key": "b", "result": {"score": 0.75}}),
            "trial_intermediate_values": points({2: 0.75, 3: 0.5}),
        },
        "COMPLETE",
        (study._study_id, attributes({"note": "well done"})),
    )

    ended, open_one = study.trials
    assert (ended.state, ended.values) == (TrialState.COMPLETE, [0.75, 3.0])
    assert ended.user_attrs["key"] == "b"
    assert ended.user_attrs["result"] == {"score": 0.75}
    assert ended.intermediate_values == {1: 0.25, 2: 0.75, 3: 0.5}
    assert ended.datetime_complete >= ended.datetime_start
    assert study._storage.get_study_system_attrs(study._study_id)["note"] == "well done"
    assert (open_one._trial_id, open_one.state) == (other, TrialState.RUNNING)


def test_what_has_ended_stays_as_it_is(made: Made) -> None:
    cells, study = made
    _, at = inserted(made, trial(TrialState.COMPLETE))
    before = study.trials

    cells.write(at, {"trial_values": numbers([0.0, 0.0])}, "FAIL")
    cells.write(at, {"trial_user_attributes": attributes({"key": "b"})})

    assert study.trials == before


def test_an_end_that_cannot_be_written_leaves_the_trial_as_it_was(made: Made) -> None:
    cells, study = made
    _, at = inserted(made, trial())
    before = study.trials
    broken = [{"objective": None, "value": 0.5, "value_type": "FINITE"}]

    with pytest.raises(IntegrityError, match="NOT NULL constraint failed"):
        cells.write(
            at,
            {"trial_user_attributes": attributes({"key": "b"}), "trial_values": broken},
            "COMPLETE",
        )

    assert study.trials == before
    assert study.trials[0].state == TrialState.RUNNING


def test_what_is_read_is_what_optuna_reads(made: Made) -> None:
    cells, study = made
    places = [
        inserted(made, trial(state))[1] for state in (TrialState.RUNNING, TrialState.COMPLETE)
    ]
    study.ask()
    study.tell(study.ask(), [math.inf, 0.0])

    found = cells.read(study._study_id, [], -1)

    assert [one.at for one in cells.read(study._study_id, places[:1], places[1])] == [
        places[0],
        *(one.at for one in found[2:]),
    ]
    assert [one.at for one in cells.read(study._study_id, places[1:], 99)] == places[1:]
    assert cells.read(study._study_id + 1, places, -1) == []
    for one, theirs in zip(found, study.trials, strict=True):
        assert (one.at, one.number, one.state) == (theirs._trial_id, theirs.number, theirs.state)
        assert one.began == theirs.datetime_start
        assert (one.user, one.system) == (theirs.user_attrs, theirs.system_attrs)
        assert one.scores == theirs.intermediate_values
    assert [found[1].values[place] for place in (0, 1)] == study.trials[1].values
