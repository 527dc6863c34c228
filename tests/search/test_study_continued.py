"""A study that is gone on with: after a break, after a kill, with another experiment, by many."""

import ast
import json
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from optuna_dashboard import wsgi

from search.experiment import load
from search.study import Study
from spaces import SpaceError
from tests.search.studies import (
    LARGE,
    SEEDS,
    SPACE,
    finish,
    listed,
    process,
    score,
    stored,
    train,
    written,
)
from trials.epoch import Epoch
from trials.trial import Result

Open = Callable[..., Study]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Open studies of one space file in one database, and close them in the end."""
    studies: list[Study] = []

    def open_study(text: str = SPACE, limits: tuple[str, ...] = (), **named: object) -> Study:
        experiment = written(tmp_path, text, limits)
        studies.append(Study.open(experiment, str(tmp_path / "study.db"), **named))
        return studies[-1]

    yield open_study
    for study in studies:
        study.close()


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random", "gp"])
def test_a_search_that_goes_on_proposes_what_it_would_have_without_a_break(
    tmp_path: Path, sampler: str
) -> None:
    budget = 9 if sampler == "gp" else 15
    whole = written(tmp_path / "whole", LARGE, ["macs<=3e6"])
    broken = written(tmp_path / "broken", LARGE, ["macs<=3e6"])
    once = Study.open(whole, str(tmp_path / "whole.db"), sampler, seed=3)
    train(once, budget)

    went_on = True
    while went_on:
        again = Study.open(broken, str(tmp_path / "broken.db"), sampler, seed=3)
        went_on = bool(train(again, budget, most=4))
        rows, counts = listed(again), again.counts()
        again.close()

    assert rows == listed(once)
    assert counts == once.counts()
    once.close()


@pytest.mark.slow
def test_generations_go_on_too(tmp_path: Path) -> None:
    text = LARGE.replace("range(4, 44, 4)", "range(4, 84, 4)")
    once = Study.open(written(tmp_path / "whole", text), str(tmp_path / "whole.db"), "nsga2")
    train(once, budget=115)

    for most in (60, 45, 115):
        experiment = written(tmp_path / "broken", text)
        again = Study.open(experiment, str(tmp_path / "broken.db"), "nsga2")
        train(again, budget=115, most=most)
        rows = listed(again)
        again.close()

    assert rows == listed(once)
    once.close()


def test_another_seed_searches_otherwise(tmp_path: Path) -> None:
    experiment = written(tmp_path, LARGE)
    found = []
    for seed in (0, 1):
        study = Study.open(experiment, str(tmp_path / f"{seed}.db"), "random", seed)
        found.append([proposal.architecture.key for proposal in train(study, budget=5)])
        study.close()

    assert found[0] != found[1]


def test_an_interrupted_training_waits_for_whoever_comes_next(opened: Open, tmp_path: Path) -> None:
    study = opened()
    proposal = study.ask()
    study.start(proposal.number)
    study.report(proposal.number, Epoch(1, 1.0, 0.25))

    study.tell(proposal.number, Result("interrupted", "stopped by a signal"))
    waiting = study.rows()[0]
    study.close()
    later = opened()
    again = later.interrupted()

    assert (waiting.status, waiting.curve[0].score) == ("interrupted", 0.25)
    assert [(left.number, left.seed, left.folder) for left in again] == [
        (proposal.number, 0, proposal.folder)
    ]
    assert stored(tmp_path).trials[0].state.name == "RUNNING"
    assert later.interrupted() == []


KILLED = """
study = Study.open(written(Path(sys.argv[1]), SEEDS), sys.argv[1] + "/study.db")
train(study, budget=6, most=4)
proposal = study.ask(budget=6)
study.start(proposal.number)
study.report(proposal.number, Epoch(1, 1.0, 0.25))
print(proposal.number, dict(proposal.architecture.choices), proposal.seed, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_driver_killed_between_ask_and_tell_leaves_a_training_to_go_on_with(
    opened: Open, tmp_path: Path
) -> None:
    killed = process(KILLED, tmp_path)
    said, complaint = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, complaint

    study = opened(SEEDS)
    (left,) = study.interrupted()
    before = study.rows()[left.number]
    finish(study, left)
    train(study, budget=6)

    assert f"{left.number} {dict(left.architecture.choices)} {left.seed}\n" == said
    assert (before.status, before.curve[0].score) == ("running", 0.25)
    assert len({(row.name, row.key, row.seed) for row in study.rows()}) == len(study.rows()) == 21


DRIVEN = """
study = Study.open(written(Path(sys.argv[1]), LARGE), sys.argv[1] + "/study.db", seed=3)
print("open", flush=True)
for left in study.interrupted():
    finish(study, left)
train(study, budget=25)
"""


@pytest.mark.slow
def test_a_driver_killed_at_any_moment_makes_the_study_of_one_that_was_not(tmp_path: Path) -> None:
    once = Study.open(written(tmp_path / "whole", LARGE), str(tmp_path / "whole.db"), seed=3)
    train(once, budget=25)

    for pause in (0.02, 0.2, 0.31, 0.43, 0.5, 0.77):
        driver = process(DRIVEN, tmp_path)
        assert driver.stdout is not None
        driver.stdout.readline()
        time.sleep(pause)
        driver.kill()
        driver.communicate()
    last = process(DRIVEN, tmp_path)
    _, complaint = last.communicate(timeout=120)
    assert last.returncode == 0, complaint

    study = Study.open(written(tmp_path, LARGE), str(tmp_path / "study.db"), seed=3)
    assert listed(study) == listed(once)
    assert study.counts() == once.counts()
    study.close()
    once.close()


def test_a_result_that_was_stored_and_not_told_is_told_and_not_trained_again(
    opened: Open, tmp_path: Path
) -> None:
    study = opened()
    train(study, budget=1, most=2)
    study.close()
    connection = sqlite3.connect(tmp_path / "study.db")
    connection.execute("UPDATE trials SET state = 'RUNNING', datetime_complete = NULL")
    connection.execute("DELETE FROM trial_values")
    connection.commit()
    connection.close()

    later = opened()
    taken = later.interrupted()

    assert taken == []
    assert {row.status for row in later.rows()} == {"complete"}
    assert stored(tmp_path).trials[1].values == [later.rows()[1].score, later.rows()[1].macs]


def test_what_a_living_driver_trains_is_not_taken_from_it(opened: Open) -> None:
    one, other = opened(), opened()
    proposal = one.ask()

    before = other.interrupted()
    another = other.ask()
    one.close()
    after = other.interrupted()

    assert before == []
    assert another.number != proposal.number
    assert [left.number for left in after] == [proposal.number]


CHANGED = {
    "recipe.epochs was 2, now 5": SPACE.replace("epochs=2", "epochs=5"),
    "width offered [4, 8, 12], now [4, 8]": SPACE.replace("(4, 8, 12)", "(4, 8)"),
    "kernel = [1, 3] is gone": SPACE.replace(", kernel=choice(1, 3)", ""),
    "gate = Wide is new": SPACE.replace("kernel=", "gate=Wide, kernel="),
    "objectives was 'maximize accuracy, minimize macs', "
    "now 'maximize accuracy, minimize params'": SPACE + 'objectives = ["accuracy", "params"]\n',
    "limits was 'none', now 'params<=100'": SPACE + 'limits = ["params<=100"]\n',
    "baseline plain: width = 6 is new": SPACE.replace("Space(tiny)}", "Space(tiny, width=6)}"),
}


@pytest.mark.parametrize("difference", CHANGED)
def test_a_study_that_was_begun_otherwise_is_refused_with_what_differs_or_forked(
    opened: Open, tmp_path: Path, difference: str
) -> None:
    study = opened()
    train(study, budget=3)
    before = listed(study)

    with pytest.raises(SpaceError) as refused:
        opened(CHANGED[difference])
    fork = opened(CHANGED[difference], fork=True)
    train(fork, budget=4)

    assert str(refused.value) == (
        f"{tmp_path / 'study.db'}: the study 'mine/quick' was begun otherwise: {difference}; "
        "go back, or keep both with --fork"
    )
    assert fork.name == "mine/quick 2"
    assert listed(opened(CHANGED[difference], fork=True)) == listed(fork)
    assert listed(opened()) == listed(study) == before


def test_a_fork_begins_with_the_trainings_that_hold_for_it_too(
    opened: Open, tmp_path: Path
) -> None:
    done = train(opened(), budget=6)
    other = SPACE + 'objectives = ["accuracy", "params"]\nlimits = ["params<=200"]\n'

    fork = opened(other, fork=True)

    assert listed(fork) == listed(opened())
    assert listed(fork)[0][1] == "plain"
    for trial, proposal in zip(stored(tmp_path, fork.name).trials[1:], done[1:], strict=True):
        assert trial.values == [score(proposal), proposal.cost.params]
        assert (trial.constraints["params<=200"] <= 0) == (proposal.cost.params <= 200)


def test_a_study_is_found_again_behind_a_fork_and_grows_from_there(opened: Open) -> None:
    first = opened(SPACE.replace("(4, 8, 12)", "(4, 8)"))
    train(first, budget=2)
    train(opened(SPACE.replace("epochs=2", "epochs=5"), fork=True), budget=1)

    grown = opened()

    assert grown.name == "mine/quick 3"
    assert listed(grown) == listed(first)


def test_a_fork_with_another_recipe_begins_with_nothing(opened: Open) -> None:
    train(opened(), budget=3)

    fork = opened(SPACE.replace("epochs=2", "epochs=5"), fork=True)

    assert fork.rows() == []


def test_choices_that_grew_take_their_trials_along(opened: Open, tmp_path: Path) -> None:
    less = SPACE.replace("(4, 8, 12)", "(4, 8)")
    small = opened(less)
    train(small, budget=4, most=4)
    running = small.ask(budget=4)
    before = listed(small)
    small.close()

    grown = opened(SPACE.replace("(1, 3)", "(1, 3, 5)"))
    left = grown.interrupted()
    finish(grown, left[0])
    done = train(grown, budget=9)

    assert grown.name == "mine/quick 2"
    assert [one.number for one in left] == [running.number]
    assert listed(grown)[:4] == before[:4]
    assert len(done) == 5
    assert stored(tmp_path, grown.name).trials[1].distributions["kernel"].high == 5
    assert listed(opened(less)) == before


def test_a_baseline_may_join_and_leave(opened: Open) -> None:
    train(opened(), budget=2)

    added = opened(SPACE.replace("}", ', "wide": Space(tiny, width=32)}', 1))
    done = train(added, budget=2)

    assert added.name == "mine/quick"
    assert [proposal.name for proposal in done] == ["wide"]
    assert train(opened(), budget=2) == []
    with pytest.raises(SpaceError, match="baseline wide: width was 32, now 16"):
        opened(SPACE.replace("}", ', "wide": Space(tiny, width=16)}', 1))


def test_seeds_may_be_added(opened: Open) -> None:
    train(opened(), budget=2)

    done = train(opened(SEEDS), budget=2)

    assert sorted(proposal.seed for proposal in done) == [1, 1, 1, 2, 2, 2]


GATES = "space = Space(tiny, gate=choice(None, Scale, Wide))\n" + SPACE.splitlines()[-1]


def edited(folder: Path, before: str, after: str) -> Study:
    """Edit the space file and open its study."""
    file = folder / "mine.py"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, after))
    return Study.open(load(str(file), "quick"), str(folder / "study.db"))


def test_code_that_changed_is_refused_by_its_file_and_a_fork_trains_only_that_again(
    opened: Open, tmp_path: Path
) -> None:
    train(opened(GATES), budget=3)

    with pytest.raises(SpaceError, match=r"was begun otherwise: mine\.py changed; go back"):
        edited(tmp_path, "return self.conv(x)", "return self.conv(x) + x")
    experiment = load(str(tmp_path / "mine.py"), "quick")
    fork = Study.open(experiment, str(tmp_path / "study.db"), fork=True)
    again = train(fork, budget=3)
    fork.close()
    back = edited(tmp_path, "return self.conv(x) + x", "return self.conv(x)")
    back.close()

    assert [dict(proposal.architecture.choices) for proposal in again] == [{"gate": "Wide"}]
    assert (fork.name, back.name) == ("mine/quick 2", "mine/quick")


def test_comments_docstrings_and_the_choices_themselves_are_not_code(
    opened: Open, tmp_path: Path
) -> None:
    train(opened(GATES), budget=3)

    edited(tmp_path, "return self.conv(x)", "# why\n        return (self.conv( x ))").close()
    again = edited(tmp_path, "class Wide(nn.Module):", 'class Wide(nn.Module):\n    """Wide."""\n')
    again.close()

    assert again.name == "mine/quick"


SHARED = """
folder, mine = Path(sys.argv[1]), sys.argv[2]
experiment = written(folder / mine)
print("ready", flush=True)
input()
study = Study.open(experiment, str(folder / "study.db"), "random", int(mine))
print([proposal.number for proposal in train(study)])
study.close()
"""


@pytest.mark.slow
def test_drivers_that_make_one_fresh_database_at_once_share_the_work(tmp_path: Path) -> None:
    drivers = [process(SHARED, tmp_path, number) for number in range(2)]
    for driver in drivers:
        assert driver.stdout is not None
        driver.stdout.readline()
    numbers: list[int] = []
    for driver in drivers:
        assert driver.stdin is not None
        driver.stdin.write("go\n")
        driver.stdin.flush()
    for driver in drivers:
        said, complaint = driver.communicate(timeout=120)
        assert driver.returncode == 0, complaint
        numbers += ast.literal_eval(said)

    study = Study.open(written(tmp_path), str(tmp_path / "study.db"))
    rows = [(row.name, row.key) for row in study.rows()]
    counts = study.counts()
    study.close()

    assert len(numbers) == len(set(numbers)) == 7
    assert len(rows) == len(set(rows)) == 7
    assert set(counts) <= {"complete", "duplicate"}


def test_the_plain_dashboard_shows_trials_constraints_names_and_notes(
    opened: Open, tmp_path: Path
) -> None:
    study = opened(limits=("params<=200",))
    done = train(study)
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    request = {"REQUEST_METHOD": "GET", "PATH_INFO": "/api/studies/1", "QUERY_STRING": "after=0"}

    answer = wsgi(storage)(request, lambda *_: None)

    page = json.loads(b"".join(answer))
    storage.engine.dispose()
    assert page["objective_names"] == ["accuracy", "macs"]
    assert page["directions"] == ["maximize", "minimize"]
    trials = {trial["number"]: trial for trial in page["trials"]}
    over = [trial for trial in page["trials"] if trial["state"] == "Pruned" and trial["params"]]
    assert len(over) >= study.counts()["over a limit"] > 0
    assert all(trial["constraints"][0] > 0 for trial in over)
    for proposal in done[1:]:
        trial = trials[proposal.number]
        assert trial["state"] == "Complete"
        assert trial["constraints"][0] <= 0
        assert trial["values"] == [score(proposal), proposal.cost.macs]
        assert [point["step"] for point in trial["intermediate_values"]] == [1, 2]
        assert f"seed {proposal.seed}" in trial["note"]["body"]
