"""SPEM against its equations, at its start and at its end."""

import math

import pytest
import torch
from torch import Tensor

from modules.attention.spem import SPEM
from modules.backbones.resnet import resnet164
from tests.modules.definitions import maps, near, scattered

REDUCTIONS = {"max": Tensor.amax, "min": Tensor.amin, "avg": Tensor.mean}


@pytest.mark.parametrize("pools", [("max", "min"), ("max", "min", "avg"), ("avg", "max"), ("min",)])
def test_spem_mixes_the_pools_by_their_squared_parameters(pools):
    gate = scattered(SPEM(6, pools))
    x = maps(2, 6, 5, 4)

    output = gate(x)

    squares = [p**2 for p in gate.mixture.tolist()]
    pooled = [REDUCTIONS[pool](x, (2, 3), keepdim=True) for pool in pools]
    moved = [gate.scale * value + gate.shift for value in pooled]
    mixed = sum(square / sum(squares) * value for square, value in zip(squares, moved, strict=True))
    excited = gate.excite_scale * mixed + gate.excite_shift
    weights = 1 / (1 + (-sum(moved)).exp()) / (1 + (-excited).exp())
    assert near(output, weights * x)
    assert gate.penalty().item() == pytest.approx(0.1 * sum(squares))


def test_spem_starts_with_the_papers_small_gate_on_every_channel():
    x = maps(2, 8, 4, 4).float()

    output = SPEM(8)(x)

    weight = 1 / (1 + math.exp(2)) / (1 + math.exp(1))
    assert weight == pytest.approx(0.0321, abs=1e-4)
    assert torch.allclose(output, weight * x)


def test_the_penalty_of_the_papers_network_starts_at_alpha_times_27():
    network = resnet164(gate=SPEM, num_classes=10)

    penalties = [part.penalty() for part in network.modules() if isinstance(part, SPEM)]

    assert len(penalties) == 54
    assert sum(penalties).item() == pytest.approx(0.1 * 27.0)


def test_spem_stays_finite_when_its_penalty_has_driven_the_mixture_to_nothing():
    gate = SPEM(4)
    gate.mixture.data.fill_(1e-25)

    output = gate(maps(1, 4, 3, 3).float())
    (output.sum() + gate.penalty()).backward()

    assert output.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in gate.parameters())


def test_spem_refuses_pools_it_does_not_know():
    with pytest.raises(ValueError, match=r"pools has 'mean', which is not one of \['max', 'min'"):
        SPEM(8, pools=("max", "mean"))
    with pytest.raises(ValueError, match="pools is empty"):
        SPEM(8, pools=())
