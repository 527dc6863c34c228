import math

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR

from tests.trials.tiny import plain, recipe
from trials.optimise import Average, optimiser, rate

CPU = torch.device("cpu")


def test_the_cosine_is_that_of_torch():
    ours = recipe(epochs=7, lr=0.3)
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), 0.3)
    scheduler = CosineAnnealingLR(optimizer, 70)

    for step in range(70):
        assert rate(ours, step / 10) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        scheduler.step()


def test_the_steps_are_those_of_torch():
    ours = recipe(epochs=9, lr=0.3, schedule="steps", milestones=(2, 5), gamma=0.2)
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), 0.3)
    scheduler = MultiStepLR(optimizer, [2, 5], 0.2)

    for epoch in range(9):
        expected = optimizer.param_groups[0]["lr"]
        assert rate(ours, epoch) == rate(ours, epoch + 0.9) == pytest.approx(expected)
        optimizer.step()
        scheduler.step()


def test_warm_up_rises_in_a_line_to_where_the_cosine_starts():
    ours = recipe(epochs=10, lr=0.4, warmup=4)

    rates = [rate(ours, progress) for progress in (0, 1, 2, 3, 4, 7, 10)]

    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.2, 0], abs=1e-12)


def test_norms_and_biases_are_kept_from_decay_by_choice():
    network = plain()

    groups = optimiser(network, recipe(weight_decay=0.1, decay_norms=False), CPU).param_groups

    decayed = {id(weight) for weight in groups[0]["params"]}
    names = {name for name, weight in network.named_parameters() if id(weight) in decayed}
    assert names == {"0.weight", "4.weight", "9.weight"}
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_the_fused_optimiser_moves_weights_as_the_plain_one(name):
    torch.manual_seed(0)
    ours, theirs = plain().double(), plain().double()
    theirs.load_state_dict(ours.state_dict())
    fused = optimiser(ours, recipe(optimizer=name, lr=0.1, weight_decay=0.01), CPU)
    slow = {
        "sgd": lambda weights: torch.optim.SGD(
            weights, 0.1, 0.9, weight_decay=0.01, nesterov=True, foreach=False
        ),
        "adamw": lambda weights: torch.optim.AdamW(weights, 0.1, weight_decay=0.01, foreach=False),
    }[name](theirs.parameters())
    images = torch.randn(4, 3, 8, 8, dtype=torch.float64)

    for _ in range(3):
        for network, optimizer in ((ours, fused), (theirs, slow)):
            optimizer.zero_grad()
            network(images).square().sum().backward()
            optimizer.step()

    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_the_average_is_the_recursion_it_says():
    network = nn.Linear(2, 1, bias=False).double()
    average, expected = Average(network, 0.5), network.weight.detach().clone()

    for step in range(1, 20):
        with torch.no_grad():
            network.weight += torch.randn(1, 2)
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * network.weight.detach()

    last = network.weight.detach().clone()
    with average.applied():
        torch.testing.assert_close(network.weight.detach(), expected, rtol=1e-12, atol=0)
    assert torch.equal(network.weight, last)


def test_the_average_takes_in_the_statistics_of_norms():
    network = nn.BatchNorm1d(1)
    average = Average(network, 0.9)

    network.running_mean.fill_(8.0)
    average.update()

    with average.applied():
        assert math.isclose(float(network.running_mean), 8 * (1 - 2 / 11), rel_tol=1e-6)


def test_a_weight_that_is_first_used_late_is_trained_from_then_on():
    early, late = nn.Linear(1, 1), nn.Linear(1, 1)
    optimizer = optimiser(nn.ModuleList([early, late]), recipe(weight_decay=0.0), CPU)
    before = late.weight.detach().clone()

    for network in (early, nn.Sequential(early, late)):
        optimizer.zero_grad()
        network(torch.ones(1, 1)).sum().backward()
        optimizer.step()

    assert not torch.equal(late.weight, before)
