import io
import itertools
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from search.experiment import load
from search.job import Answer, Finished, Job
from search.worker import Bench, recipe_of, work
from spaces import SpaceError
from tests.search.jobs import curve, job, story, write_space
from trials.trial import Result

numbers = itertools.count()
Make = Callable[..., Job]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_space(tmp_path_factory.mktemp("space"))
    # a neighbour that equals one read before would be taken for it, with its folder
    with (path.parent / "trouble.py").open("a") as neighbour:
        neighbour.write(f"# of {path.parent}\n")
    return path


@pytest.fixture
def make(space: Path) -> Make:
    return lambda *given, **changes: job(space, next(numbers), *given, **changes)


def go_on() -> Answer:
    return "go on"


def result(asked: Job, bench: Bench | None = None) -> Result:
    *_, last = work(asked, bench or Bench(), go_on)
    assert isinstance(last, Finished)
    return last.result


class Plain(pickle.Unpickler):
    """Note the modules whose classes are needed to read what was written."""

    def __init__(self, text: bytes) -> None:
        super().__init__(io.BytesIO(text))
        self.needed: set[str] = set()

    def find_class(self, module: str, name: str) -> object:
        self.needed.add(module)
        return super().find_class(module, name)


def test_events_are_plain_data_whatever_a_loop_of_one_s_own_yields(make: Make) -> None:
    heard = list(work(make(recipe="strange"), Bench(), go_on))

    reader = Plain(pickle.dumps(heard))

    assert reader.load() == heard
    assert reader.needed == {"search.job", "trials.epoch", "trials.trial"}
    assert story(heard) == ["started", "epoch 1", "epoch 2", "complete"]


def test_nobody_is_asked_after_the_last_epoch(make: Make) -> None:
    answers: Iterator[Answer] = iter(["go on"])

    heard = list(work(make(), Bench(), lambda: next(answers)))

    assert story(heard) == ["started", "epoch 1", "epoch 2", "complete"]
    assert not list(answers)


def test_a_job_is_plain_data(make: Make) -> None:
    reader = Plain(pickle.dumps(make()))

    reader.load()

    assert reader.needed <= {"search.job", "builtins"}


def test_the_reader_is_asked_after_each_epoch(make: Make) -> None:
    answers = iter(["go on", "stopped"])

    heard = list(work(make(recipe="long"), Bench(), lambda: next(answers)))

    assert story(heard) == ["started", "epoch 1", "epoch 2", "stopped"]


def test_an_interrupted_job_goes_on_from_its_state(make: Make) -> None:
    asked = make(changes={"epochs": 3})
    left = list(work(asked, Bench(), lambda: "interrupted"))
    state = Path(asked.folder) / "epoch-00001.state"
    kept = state.read_bytes()

    answers = iter(["go on", "interrupted"])
    heard = list(work(asked, Bench(), lambda: next(answers)))

    assert story(left) == ["started", "epoch 1", "interrupted"]
    assert story(heard) == ["started", "epoch 1", "epoch 2", "interrupted"]
    assert state.read_bytes() == kept
    assert curve(result(asked)) == curve(result(make(changes={"epochs": 3})))


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        ("raise", "RuntimeError: 4 channels are not for me"),
        ("leave", "SystemExit: enough"),
        ("CBAM", "SpaceError: gate = 'CBAM' is not"),
    ],
)
def test_what_goes_wrong_is_a_result_with_its_place(make: Make, gate: str, reason: str) -> None:
    heard = list(work(make(gate), Bench(), go_on))

    assert story(heard) == ["started", "failed"]
    assert isinstance(heard[-1], Finished)
    assert heard[-1].result.reason.startswith(reason)
    assert "Traceback" in heard[-1].result.details


def test_data_that_are_not_there_are_a_result(make: Make, tmp_path: Path) -> None:
    asked = make(changes={"data": "cifar10"}, root=str(tmp_path))

    found = result(asked)

    assert found.status == "failed"
    assert f"cifar10 is not in {tmp_path}" in found.reason


def test_a_baseline_is_trained_with_the_first_options_of_the_recipe(
    make: Make, space: Path
) -> None:
    experiment = load(str(space), "searched")
    searched = experiment.space.at({"gate": None, "recipe.lr": 0.01})
    baseline = experiment.baselines["plain"].at({})

    assert recipe_of(experiment, searched).lr == 0.01
    assert recipe_of(experiment, baseline).lr == 0.1
    asked = make(recipe="searched", choices={}, baseline="plain")
    assert result(asked).status == "complete"


def test_a_space_read_without_a_recipe_is_refused(space: Path) -> None:
    experiment = load(str(space))

    with pytest.raises(ValueError, match="was read without a recipe"):
        recipe_of(experiment, experiment.space.at({"gate": None}))


def test_changes_of_the_command_line_reach_the_training(make: Make) -> None:
    found = result(make(changes={"epochs": 1}))

    assert len(found.curve) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epchs": 5}, "recipe 'tiny' has no field 'epchs'; did you mean 'epochs'?"),
        ({"epochs": 0}, "recipe 'tiny', changed: epochs = 0 is not a whole number from 1 up"),
        ({"data": "cifar11"}, "recipe 'tiny', changed: data = 'cifar11' is not known"),
    ],
)
def test_changes_are_checked_as_a_recipe_is(
    space: Path, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(SpaceError) as caught:
        load(str(space), "tiny", changes=changes)

    assert str(caught.value).startswith(f"{space}: {words}")


def test_a_change_takes_the_place_of_a_choice(space: Path) -> None:
    experiment = load(str(space), "searched", changes={"lr": 0.5})

    assert "recipe.lr" in load(str(space), "searched").space.labels
    assert "recipe.lr" not in experiment.space.labels
    assert recipe_of(experiment, experiment.space.at({"gate": None})).lr == 0.5


def test_a_change_needs_a_recipe_to_be_made_in(space: Path) -> None:
    with pytest.raises(SpaceError, match="there is no recipe to set lr in; name one"):
        load(str(space), changes={"lr": 0.5})


def test_a_bench_reads_and_loads_once_for_jobs_of_one_recipe(make: Make, space: Path) -> None:
    bench = Bench()
    counted = make(recipe="counted", shape=(3, 8, 8), classes=10)
    first = bench.trial(counted)
    loads = (space.parent / "loads").read_text()

    second = bench.trial(replace(counted, choices={"gate": None}, seed=1))

    assert second.data is first.data
    assert (space.parent / "loads").read_text() == loads
    assert bench.trial(make(changes={"images": 100})).data is not first.data


def test_an_experiment_in_hand_is_not_read_again(make: Make, space: Path) -> None:
    bench = Bench(load(str(space), "tiny"))

    elsewhere = replace(make(), space="no/such/file.py")

    found = result(elsewhere, bench)

    assert found.status == "complete"
    assert result(elsewhere).reason.startswith("SpaceError: there is no space file")


def test_a_job_has_its_threads_and_gives_them_back(make: Make) -> None:
    before = torch.get_num_threads()
    happening = work(make(threads=before + 1), Bench(), go_on)

    next(happening)
    next(happening)
    within = torch.get_num_threads()
    happening.close()

    assert within == before + 1
    assert torch.get_num_threads() == before
