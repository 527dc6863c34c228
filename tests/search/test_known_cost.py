"""The sampler that knows the price: on spaces that are never built, and in a study."""

from collections.abc import Callable, Iterator
from functools import partial
from math import log
from pathlib import Path
from random import Random

import pytest

from search.known_cost import START, KnownCost, Seen
from search.study import Study
from spaces import Architecture, Space, choice
from tests.search.studies import LARGE, SPACE, finish, listed, result, score, train, written
from trials.epoch import Epoch
from trials.trial import Result


def network(**_: object) -> None:
    """Stand for a backbone."""


def gate(**_: object) -> None:
    """Stand for a module with a choice of its own."""


GATE = choice(None, "eca", se=partial(gate, reduction=choice(4, 8, 16)))
SMALL = Space(network, width=choice(8, 16, 24, 32, 48), kernel=choice(3, 5, 7), gate=GATE)
HUGE = Space(network, **{f"width{place}": choice(1, 2, 3, 4, 5) for place in range(14)})


def price(architecture: Architecture) -> tuple[float, ...]:
    """Let numbers cost what they are."""
    held = architecture.choices.values()
    return (1.0 + sum(label for label in held if type(label) is int),)


def truth(architecture: Architecture) -> float:
    """Let the score grow with the price, odd labels first."""
    bonus = 0.05 * (architecture.choices.get("gate") == "eca")
    odd = sum(label % 2 for label in architecture.choices.values() if type(label) is int)
    return 0.5 + 0.05 * log(price(architecture)[0]) + bonus + 0.02 * odd


def seen(architecture: Architecture, *scores: float) -> Seen:
    return Seen(architecture.key, architecture.choices, price(architecture), scores)


def search(space: Space, most: int, before: tuple[Seen, ...] = (), seed: int = 0) -> list[Seen]:
    sampler = KnownCost(space, price, seed)
    known = list(before)
    while len(known) < most and (architecture := sampler.suggest(known)):
        known.append(seen(architecture, truth(architecture)))
    return known


def test_every_architecture_of_a_small_space_comes_once_and_then_none() -> None:
    known = search(SMALL, most=1000)

    assert len({one.key for one in known}) == len(known) == SMALL.size == 75


def test_a_huge_space_is_searched_without_a_repeat() -> None:
    known = search(HUGE, most=40)

    drawer = Random(0)
    assert len({one.key for one in known}) == 40
    assert max(one.scores[0] for one in known) > max(truth(HUGE.draw(drawer)) for _ in range(500))


@pytest.mark.parametrize("space", [SMALL, HUGE], ids=["small", "huge"])
@pytest.mark.parametrize("broken", [3, START, 20])
def test_a_search_that_goes_on_suggests_what_it_would_have_suggested(
    space: Space, broken: int
) -> None:
    whole = search(space, most=30)

    again = search(space, most=30, before=tuple(whole[:broken]))

    assert [one.key for one in again] == [one.key for one in whole]


def test_another_seed_searches_otherwise() -> None:
    assert [one.key for one in search(SMALL, 10)] != [one.key for one in search(SMALL, 10, seed=1)]


def test_the_first_ones_are_spread_over_the_prices() -> None:
    known = search(SMALL, most=START)

    prices = sorted(one.prices[0] for one in known)
    every = sorted(price(one)[0] for one in SMALL)
    for place in range(START):
        low, high = (len(every) * edge // START for edge in (place, place + 1))
        assert every[low] - 4 <= prices[place] <= every[min(high, len(every) - 1)] + 4


def test_the_front_is_found_in_a_third_of_the_space() -> None:
    known = search(SMALL, most=25)

    every = [(price(one)[0], truth(one)) for one in SMALL]
    front = [
        (cost, held)
        for cost, held in every
        if not any(c <= 1.01 * cost and h > held for c, h in every)
    ]
    found = {(one.prices[0], one.scores[0]) for one in known}
    assert len(set(front) & found) >= 0.8 * len(set(front))


def test_what_is_running_is_neither_suggested_again_nor_forgotten() -> None:
    known = search(SMALL, most=20)
    sampler = KnownCost(SMALL, price, 0)
    running: list[Seen] = []

    for _ in range(8):
        architecture = sampler.suggest([*known, *running])
        running.append(seen(architecture))

    assert len({one.key for one in [*known, *running]}) == 28


def test_what_has_no_price_or_is_barred_is_not_suggested() -> None:
    def affordable(architecture: Architecture) -> tuple[float, ...] | None:
        return None if architecture.choices["width"] == 48 else price(architecture)

    sampler = KnownCost(SMALL, affordable, 0)
    barred = {one.key for one in SMALL if one.choices["kernel"] == 7}
    known: list[Seen] = []
    while architecture := sampler.suggest(known, barred):
        known.append(seen(architecture, truth(architecture)))

    assert len(known) == 4 * 2 * 5
    assert all(one.choices["width"] != 48 and one.choices["kernel"] != 7 for one in known)


def test_where_all_costs_are_equal_the_best_score_is_looked_for() -> None:
    sampler = KnownCost(SMALL, lambda _: (100.0,), 0)
    known: list[Seen] = []
    while len(known) < 25:
        architecture = sampler.suggest(known)
        known.append(Seen(architecture.key, architecture.choices, (100.0,), (truth(architecture),)))

    assert max(one.scores[0] for one in known) == max(truth(one) for one in SMALL)


def test_several_prices_are_pursued_in_turn() -> None:
    def both(architecture: Architecture) -> tuple[float, ...]:
        return (*price(architecture), 100.0 / architecture.choices["width"])

    sampler = KnownCost(SMALL, both, 0)
    known: list[Seen] = []
    while architecture := sampler.suggest(known):
        known.append(
            Seen(architecture.key, architecture.choices, both(architecture), (truth(architecture),))
        )

    assert len({one.key for one in known}) == SMALL.size


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Study]]:
    studies: list[Study] = []

    def open_study(text: str = LARGE, limits: tuple[str, ...] = (), **named: object) -> Study:
        experiment = written(tmp_path, text, limits)
        studies.append(Study.open(experiment, str(tmp_path / "study.db"), **named))
        return studies[-1]

    yield open_study
    for study in studies:
        study.close()


def test_a_study_that_goes_on_proposes_what_it_would_have_proposed(
    opened: Callable[..., Study], tmp_path: Path
) -> None:
    whole = Study.open(written(tmp_path / "apart", LARGE), str(tmp_path / "apart.db"))
    train(whole, budget=24)

    for _ in range(8):
        train(opened(), budget=24, most=3)
    train(opened(), budget=24)

    assert listed(opened()) == listed(whole)
    assert opened().counts()["duplicate"] == 0
    whole.close()


def test_a_study_s_search_stays_within_the_limits_without_a_refusal(
    opened: Callable[..., Study],
) -> None:
    study = opened(limits=("params<=700",))

    done = train(study, budget=10)

    assert len(done) == 11
    assert all(proposal.cost.params <= 700 for proposal in done[1:])
    assert study.counts()["over a limit"] == 0


def test_what_failed_or_was_stopped_does_not_end_the_search(
    opened: Callable[..., Study],
) -> None:
    study = opened()
    for turn in range(30):
        proposal = study.ask(30)
        curve = (Epoch(1, 1.0, score(proposal) / 2),)
        if turn % 3 == 1:
            study.report(proposal.number, curve[0])
            study.tell(proposal.number, Result("stopped", "in vain", curve=curve))
        elif turn % 3 == 2:
            study.tell(proposal.number, Result("diverged", "nan"))
        else:
            finish(study, proposal)

    assert len({row.identity for row in study.rows()}) == 30


def test_drivers_at_once_never_train_one_architecture_twice(
    opened: Callable[..., Study],
) -> None:
    one, other = opened(), opened()
    done = []

    for _ in range(12):
        pair = [one.ask(24), other.ask(24)]
        for study, proposal in zip((one, other), pair, strict=True):
            finish(study, proposal)
        done += pair

    keys = [proposal.architecture.key for proposal in done if not proposal.name]
    assert len(keys) == len(set(keys))


def test_objectives_that_are_not_known_before_are_left_to_optuna(
    opened: Callable[..., Study],
) -> None:
    study = opened(SPACE + 'objectives = ["accuracy", "latency"]\n')
    proposals = []
    while proposal := study.ask(4):
        study.tell(proposal.number, result(score(proposal)), {"latency": 1.0 + proposal.number})
        proposals.append(proposal)

    assert len({proposal.architecture.key for proposal in proposals}) == 5
