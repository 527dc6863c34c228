"""Stopping and further seeds as a driver has them: from what a study holds."""

from dataclasses import replace
from pathlib import Path

import pytest

from search.further import Further
from search.stopping import chosen, stopper
from search.study import Study
from spaces import SpaceError
from tests.search.studies import LARGE, finish, result, train, written
from trials.epoch import Epoch

LONG = LARGE.replace("epochs=2", "epochs=16")


@pytest.fixture
def study(tmp_path: Path):
    held = Study.open(written(tmp_path, LONG), str(tmp_path / "study.db"), sampler="random")
    yield held
    held.close()


def test_short_recipes_stop_nothing_unless_they_are_told_to() -> None:
    assert [chosen("auto", epochs) for epochs in (5, 9, 10, 200)] == ["none"] * 2 + ["front"] * 2
    assert chosen("asha", 5) == "asha"
    with pytest.raises(SpaceError, match="no stopping 'hyperband'"):
        chosen("hyperband", 5)


def test_what_is_clearly_worse_than_what_costs_as_little_is_stopped_and_baselines_never(
    study: Study,
) -> None:
    baseline = study.ask(40)
    finish(study, baseline)
    for place in range(12):
        proposal = study.ask(40)
        score = 0.5 + place / 100
        curve = tuple(Epoch(number, 1.0, score * number / 16) for number in range(1, 17))
        study.start(proposal.number)
        study.tell(proposal.number, replace(result(score), curve=curve))
    last = study.ask(40)
    stops = stopper("front", study, 16, 0)

    bad, good, unjudged = (stops(last, Epoch(*at)) for at in ((8, 1, 0.01), (8, 1, 0.9), (7, 1, 0)))

    rivals = [row for row in study.rows() if row.score and row.macs <= 1.01 * last.cost.macs]
    assert len(rivals) >= 3
    assert "clearly better at epoch 8" in bad
    assert good == unjudged == ""
    assert stops(baseline, Epoch(8, 1, 0.0)) == ""
    assert stopper("none", study, 16, 0)(last, Epoch(8, 1, 0.0)) == ""


def test_further_seeds_go_where_they_decide_until_the_budget_is_spent(study: Study) -> None:
    train(study, budget=6)
    further = Further(study, 5)
    seeds = []
    while proposal := further():
        seeds.append((proposal.name or proposal.architecture.key, proposal.seed))
        finish(study, proposal)

    assert len(seeds) == len(set(seeds)) <= 5
    assert seeds
    assert all(seed >= 1 for _, seed in seeds)
    assert ("plain", 1) in seeds


def test_with_unequal_seeds_best_and_front_go_by_estimates(study: Study) -> None:
    train(study, budget=6)
    assert all(mean.estimate is None for mean in study.front())
    further = Further(study, 4)
    while proposal := further():
        finish(study, proposal)

    front = study.front()

    assert all(mean.estimate is not None and 0 <= mean.on_front <= 1 for mean in front)
    assert study.best() in front
