"""A study from its first proposal to its front."""

import math
import statistics
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import optuna
import pytest
import torch

from search.study import Study
from spaces import SpaceError
from tests.search.studies import SEEDS, SPACE, finish, result, score, stored, train, written
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


def test_baselines_come_first_then_every_architecture_of_a_space_within_the_budget(
    opened: Open,
) -> None:
    study = opened()

    done = train(study, budget=6)

    assert [proposal.name for proposal in done] == ["plain", *[""] * 6]
    assert [dict(proposal.architecture.choices) for proposal in done[1:]] == [
        {"width": width, "kernel": kernel} for width in (4, 8, 12) for kernel in (1, 3)
    ]
    assert study.ask(budget=6) is None


def test_optuna_ranks_the_choices_although_a_baseline_has_none(
    opened: Open, tmp_path: Path
) -> None:
    train(opened(), budget=6)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of what a target turned round means
        importances = optuna.importance.get_param_importances(
            stored(tmp_path), target=lambda trial: -trial.values[0]
        )

    assert stored(tmp_path).trials[0].user_attrs["result"]["status"] == "complete"
    assert importances.keys() == {"width", "kernel"}


def test_a_study_that_is_done_is_done_when_it_is_opened_again(opened: Open) -> None:
    train(opened(), budget=6)

    assert train(opened(), budget=6) == []
    assert train(opened(), budget=100) == []


def test_the_budget_counts_architectures_and_neither_seeds_nor_baselines(opened: Open) -> None:
    study = opened(SEEDS)

    done = train(study, budget=4)

    keys = [proposal.architecture.key for proposal in done if not proposal.name]
    assert len(set(keys)) == 4
    assert len(keys) == 12
    assert [proposal.seed for proposal in done if proposal.name] == [0, 1, 2]
    assert len(train(opened(SEEDS), budget=5)) == 3


@pytest.mark.parametrize("sampler", ["auto", "tpe", "nsga2", "random", "gp"])
def test_a_small_space_ends_by_itself_with_every_architecture_trained_once(
    opened: Open, sampler: str
) -> None:
    study = opened(sampler=sampler)

    done = train(study)

    keys = [proposal.architecture.key for proposal in done if not proposal.name]
    assert len(keys) == len(set(keys)) == 6
    assert study.counts()["complete"] == 7


def test_what_a_sampler_repeats_is_told_its_known_values_and_counted(
    opened: Open, tmp_path: Path
) -> None:
    study = opened(sampler="nsga2")

    train(study)

    repeated = [trial for trial in stored(tmp_path).trials if "replay" in trial.user_attrs]
    assert study.counts()["duplicate"] == len(repeated) > 0
    for trial in repeated:
        original = stored(tmp_path).trials[trial.user_attrs["replay"]]
        assert trial.state == original.state == optuna.trial.TrialState.COMPLETE
        assert trial.values == original.values
        assert trial.params == original.params
    assert len(study.rows()) == 7


def test_what_looks_at_no_trial_is_not_told_that_it_repeats_itself(opened: Open) -> None:
    study = opened(sampler="random")

    train(study)

    assert study.counts() == {"complete": 7}


def test_labels_that_build_one_network_are_trained_once(opened: Open, tmp_path: Path) -> None:
    study = opened(
        "class Shift(Scale):\n"
        "    def __init__(self, channels, by=1):\n"
        "        super().__init__(channels)\n"
        "        self.by = by\n"
        "    def forward(self, x):\n"
        "        return self.norm(x).tanh() * self.by\n"
        "two = partial(Shift, by=2)\n"
        "gates = choice(one=Shift, other=partial(Shift, by=1), two=two)\n"
        "space = Space(tiny, gate=gates)\n"
        'recipes = {"quick": partial(Recipe, data="clutter", lr=choice(0.1, 0.2))}\n'
    )

    done = train(study, budget=6)

    assert [dict(proposal.architecture.choices) for proposal in done] == [
        {"gate": gate, "recipe.lr": lr} for gate in ("one", "two") for lr in (0.1, 0.2)
    ]
    assert study.counts() == {"complete": 4, "duplicate": 2}
    for trial, original in zip(stored(tmp_path).trials[2:4], (0, 1), strict=True):
        assert trial.params["gate"] == "other"
        assert trial.values == stored(tmp_path).trials[original].values


def test_what_repeats_a_training_that_still_runs_ends_as_that_does(
    opened: Open, tmp_path: Path
) -> None:
    study = opened(sampler="nsga2")
    running = []
    while proposal := study.ask():
        running.append(proposal)
    before = study.counts()

    for proposal in running:
        finish(study, proposal)

    assert before["running"] == 7
    assert before["duplicate"] > 0
    assert {trial.state.name for trial in stored(tmp_path).trials[1:]} == {"COMPLETE"}


def test_an_architecture_over_a_limit_is_pruned_with_its_reason_and_never_proposed(
    opened: Open, tmp_path: Path
) -> None:
    study = opened(limits=("params<=200",))

    done = train(study)

    assert all(proposal.cost.params <= 200 for proposal in done[1:])
    told = [trial for trial in stored(tmp_path).trials[1:] if "result" in trial.user_attrs]
    over = [trial for trial in told if trial.state == optuna.trial.TrialState.PRUNED]
    assert study.counts()["over a limit"] == len(over) == 6 - (len(done) - 1)
    for trial in over:
        params = trial.user_attrs["params"]
        assert trial.user_attrs["result"]["reason"] == f"params = {params} is past params<=200"
        assert trial.constraints["params<=200"] == (params - 200) / 200
        assert trial.system_attrs["constraints"] == [(params - 200) / 200]


@pytest.mark.slow
def test_a_search_ends_where_nothing_keeps_the_limits(opened: Open) -> None:
    study = opened(
        SPACE.replace("(4, 8, 12)", "(*range(4, 4004))"), ("params<=10",), sampler="random"
    )

    done = train(study)

    assert [proposal.name for proposal in done] == ["plain"]
    assert 1000 <= study.counts().total() < 1100
    assert study.best() is None


def test_a_baseline_is_trained_whatever_the_limits_say_and_stays_off_the_front(
    opened: Open,
) -> None:
    study = opened(limits=("params<=100",))

    done = train(study)

    assert done[0].name == "plain"
    assert done[0].cost.params > 100
    assert all(not mean.name and mean.figures["params"] <= 100 for mean in study.front())


def test_an_architecture_that_its_modules_refuse_is_pruned_with_their_words(
    opened: Open, tmp_path: Path
) -> None:
    study = opened(
        "space = Space(tiny, width=choice(4, 6, 8), gate=choice(None, Scale))\n"
        'recipes = {"quick": Recipe(data="clutter", epochs=2)}\n'
    )

    done = train(study)

    assert len(done) == 5
    (refused,) = (t for t in stored(tmp_path).trials if t.state.name == "PRUNED")
    assert refused.params == {"width": 6, "gate": "Scale"}
    assert "channels = 6 is not divisible by 4 groups" in refused.user_attrs["result"]["reason"]
    assert refused.constraints["refused"] > 0


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (math.nan, "accuracy is nan"),
        (math.inf, "accuracy is inf"),
        (57.3, "accuracy = 57.3 is not a share of 1"),
    ],
)
def test_what_is_no_accuracy_is_a_failure_and_never_told(
    opened: Open, tmp_path: Path, value: float, reason: str
) -> None:
    study = opened()
    proposal = study.ask()

    study.report(proposal.number, Epoch(1, 1.0, value))
    study.tell(proposal.number, replace(result(0.5), score=value))

    (row,) = study.rows()
    assert (row.status, row.reason, row.score) == ("failed", reason, None)
    (trial,) = stored(tmp_path).trials
    assert trial.state == optuna.trial.TrialState.FAIL
    assert all(map(math.isfinite, trial.intermediate_values.values()))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("stopped", "PRUNED"),
        ("diverged", "FAIL"),
        ("out of memory", "FAIL"),
        ("timed out", "FAIL"),
        ("failed", "FAIL"),
    ],
)
def test_a_training_that_did_not_end_keeps_its_reason_and_gets_no_further_seed(
    opened: Open, tmp_path: Path, status: str, state: str
) -> None:
    study = opened(SEEDS)
    proposal = study.ask()

    study.tell(proposal.number, Result(status, "the reason", details="Traceback\n  of it"))

    assert (study.rows()[0].status, study.rows()[0].reason) == (status, "the reason")
    assert stored(tmp_path).trials[0].state.name == state
    assert study.ask().name == ""


def test_what_has_been_told_once_stays(opened: Open) -> None:
    study = opened()
    proposal = study.ask()
    study.tell(proposal.number, result(0.5))

    study.tell(proposal.number, result(0.9))
    study.report(proposal.number, Epoch(3, 0.1, 0.99))

    assert study.rows()[0].score == 0.5


def test_a_running_training_shows_its_curve(opened: Open) -> None:
    study = opened()
    proposal = study.ask()
    study.start(proposal.number)

    study.report(proposal.number, Epoch(1, 2.0, 0.25))
    study.report(proposal.number, Epoch(2, 1.0, 0.5))

    (row,) = study.rows()
    assert row.status == "running"
    assert [(epoch.number, epoch.score) for epoch in row.curve] == [(1, 0.25), (2, 0.5)]


def test_a_row_gives_back_what_was_told(opened: Open) -> None:
    study = opened()
    proposal = study.ask()
    curve = (
        Epoch(1, 2.0, 0.25, top5=0.75, seconds=1.5),
        Epoch(2, 1.0, 0.5, top5=1.0, classes=(0.25, 0.75), remarks=("slow",)),
    )
    told = Result(
        "complete", score=0.5, curve=curve, seconds=3.0, flags=("scored on the test set",)
    )

    study.tell(proposal.number, told, {"latency": 0.125})

    (row,) = study.rows()
    assert row.curve == curve
    assert (row.name, row.seed, row.score, row.seconds) == ("plain", 0, 0.5, 3.0)
    assert row.flags == ("scored on the test set",)
    assert (row.params, row.macs) == (proposal.cost.params, proposal.cost.macs)
    assert row.figures["latency"] == 0.125
    assert (row.ptflops, row.thop) == (None, None)


def test_the_numbers_of_other_libraries_are_numbers(opened: Open) -> None:
    study = opened()
    proposal = study.ask()
    curve = (Epoch(1, torch.tensor(1.0), np.float32(0.25), top5=torch.tensor(0.5)),)

    study.report(proposal.number, curve[0])
    study.tell(proposal.number, Result("complete", score=torch.tensor(0.25), curve=curve))

    (row,) = study.rows()
    assert (row.score, row.curve) == (0.25, (Epoch(1, 1.0, 0.25, top5=0.5),))


def test_objectives_may_be_counted_by_others_and_measured(opened: Open, tmp_path: Path) -> None:
    study = opened('objectives = ["accuracy", "thop", "ptflops", "latency"]\n' + SPACE)
    study.ask()
    proposal = study.ask()

    study.tell(proposal.number, result(0.5), {"latency": 0.125})

    row = study.rows()[1]
    values = stored(tmp_path).trials[1].values
    assert values == [0.5, row.thop, row.ptflops, 0.125]
    assert row.thop > row.macs  # it counts the pool


def test_a_limit_on_the_score_is_judged_when_it_is_told(opened: Open, tmp_path: Path) -> None:
    study = opened(limits=("accuracy>=0.5",))
    first, second = study.ask(), study.ask()

    study.tell(first.number, result(0.25))
    study.tell(second.number, result(0.75))

    bad, good = stored(tmp_path).trials
    assert bad.constraints["accuracy>=0.5"] == 0.5
    assert good.constraints["accuracy>=0.5"] <= 0
    assert [mean.mean for mean in study.front()] == [0.75]


def test_a_metric_of_ones_own_is_minimised_where_the_objective_says_so(
    opened: Open, tmp_path: Path
) -> None:
    text = 'objectives = ["minimize loss", "macs"]\n' + SPACE.replace(
        "epochs=2", "epochs=2, train=print"
    )
    study = opened(text)
    first = study.ask()
    loss = partial(Result, "complete", metric="loss")

    study.tell(first.number, loss(score=3.5, direction="minimize"))
    with pytest.raises(SpaceError, match="says to maximize 'loss' and the study to minimize it"):
        study.tell(study.ask().number, loss(score=2.5, direction="maximize"))

    assert [d.name for d in stored(tmp_path).directions] == ["MINIMIZE", "MINIMIZE"]
    assert stored(tmp_path).metric_names == ["loss", "macs"]


def test_means_are_over_seeds_and_the_front_is_of_means(opened: Open) -> None:
    study = opened(SEEDS)
    done = train(study, budget=6)

    means = study.means()

    for mean in means:
        scores = [
            score(one) for one in done if (one.name, one.architecture.key) == (mean.name, mean.key)
        ]
        assert mean.n == 3
        assert mean.mean == pytest.approx(statistics.fmean(scores))
        assert mean.std == pytest.approx(statistics.stdev(scores))
    best = max((mean for mean in means if not mean.name), key=lambda mean: mean.mean)
    assert study.best() == best
    assert best in study.front()


def test_a_named_architecture_is_trained_whatever_the_sampler_thinks(opened: Open) -> None:
    study = opened(SEEDS)
    architecture = study.experiment.space.at({"width": 12, "kernel": 3})

    picked = [study.pick(architecture) for _ in range(4)]

    assert [proposal.seed for proposal in picked[:3]] == [0, 1, 2]
    assert {proposal.architecture for proposal in picked[:3]} == {architecture}
    assert picked[3] is None


def test_a_solved_value_is_kept_among_the_choices_and_no_parameter(
    opened: Open, tmp_path: Path
) -> None:
    text = SPACE.replace("kernel=choice(1, 3)", 'kernel=fit((1, 3, 5), macs="plain")')
    study = opened(text.replace("macs=", "tolerance=9.0, macs="))

    done = train(study)

    assert {proposal.architecture.choices["kernel"] for proposal in done[1:]} <= {1, 3, 5}
    assert [set(trial.params) for trial in stored(tmp_path).trials[1:]] == [{"width"}] * 3


def test_an_unknown_sampler_is_refused_with_those_there_are(opened: Open) -> None:
    with pytest.raises(SpaceError, match=r"no sampler 'nsga'; did you mean 'nsga2'\?"):
        opened(sampler="nsga")
