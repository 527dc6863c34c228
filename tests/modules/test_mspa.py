"""MSPA with and without its parts, against a slow second version."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import pytest
import torch
from torch import Tensor

from modules.attention.mspa import MSPA, SPR
from modules.attention.se import SEGate
from modules.backbones.resnext import resnext29_8x64
from tests.modules.definitions import maps, near, scattered, slow_conv, slow_norm
from tests.references import REFERENCES


def slow_spr(x: Tensor, gate: SPR, grid: Sequence[int]) -> Tensor:
    """Pools cell by cell, channel after channel within a grid; then two matrix products."""
    channels, height, width = x.shape[1:]
    pooled = []
    for size in grid:
        for channel in range(channels):
            for i in range(size):
                for j in range(size):
                    rows = slice(i * height // size, math.ceil((i + 1) * height / size))
                    columns = slice(j * width // size, math.ceil((j + 1) * width / size))
                    pooled.append(x[:, channel, rows, columns].mean((1, 2)))
    hidden = torch.stack(pooled, 1) @ gate.reduce.weight[:, :, 0, 0].T + gate.reduce.bias
    logits = hidden.clamp(min=0) @ gate.expand.weight[:, :, 0, 0].T + gate.expand.bias
    return (1 / (1 + (-logits).exp()))[:, :, None, None]


def slow_mspa(
    module: MSPA,
    x: Tensor,
    stride: int,
    gate: Callable[[Tensor], Tensor] | None,
    hierarchical: bool = True,
    dilate: bool = True,
    softmax: bool = True,
) -> Tensor:
    results: list[Tensor] = []
    width = x.shape[1] // module.scales
    for index in range(module.scales):
        part = x[:, index * width : (index + 1) * width]
        if stride == 1 and hierarchical and index > 0:
            part = part + results[index - 1]
        dilation = index + 1 if stride == 2 and dilate else 1
        convolved = slow_conv(part, module.convs[index].weight, stride, dilation)
        results.append(slow_norm(convolved, module.norms[index]))
    if gate is None:
        return torch.cat(results, 1)
    gates = [gate(result) for result in results]
    total = sum(each.exp() for each in gates)
    weights = [each.exp() / total for each in gates] if softmax else gates
    return torch.cat([w * y for w, y in zip(weights, results, strict=True)], 1)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("scales", [2, 3, 5])
@pytest.mark.parametrize(
    "ablation",
    [{}, {"hierarchical": False}, {"dilate": False}, {"softmax": False}],
    ids=["whole", "no hierarchy", "no dilation", "no softmax"],
)
def test_mspa_without_a_part_equals_its_definition_without_that_part(ablation, scales, stride):
    module = scattered(MSPA(16, stride, scales, omega=32, **ablation)).eval()
    x = maps(2, scales * 8, 9, 6)

    output = module(x)

    gate = partial(slow_spr, gate=module.recalibrate, grid=(1, 2))
    assert near(output, slow_mspa(module, x, stride, gate, **ablation))


@pytest.mark.parametrize("grid", [(1,), (1, 2), (1, 2, 4)])
@pytest.mark.parametrize("reduction", [4, 8, 16])
def test_mspa_takes_any_grid_and_reduction_of_its_recalibration(grid, reduction):
    recalibrate = partial(SPR, reduction=reduction, grid=grid)
    module = scattered(MSPA(64, scales=2, omega=16, recalibrate=recalibrate)).eval()
    x = maps(2, 32, 7, 5)

    output = module(x)

    gate = partial(slow_spr, gate=module.recalibrate, grid=grid)
    assert module.recalibrate.reduce.out_channels == 16 // reduction
    assert near(output, slow_mspa(module, x, 1, gate))


def test_mspa_weighs_its_groups_by_squeeze_and_excitation_when_told():
    module = scattered(MSPA(32, recalibrate=partial(SEGate, reduction=4))).eval()
    x = maps(2, module.channels, 5, 5)

    output = module(x)

    assert near(output, slow_mspa(module, x, 1, module.recalibrate))


@pytest.mark.parametrize("stride", [1, 2])
def test_mspa_without_recalibration_only_concatenates(stride):
    module = scattered(MSPA(16, stride, recalibrate=None)).eval()
    x = maps(2, module.channels, 6, 6)

    output = module(x)

    assert near(output, slow_mspa(module, x, stride, None))


def test_mspas_softmax_keeps_the_weights_of_three_groups_within_their_narrow_range():
    module = MSPA(64, omega=64).double()
    x = 100 * maps(4, 192, 8, 8)
    seen = []
    module.recalibrate.register_forward_hook(lambda gate, inputs, output: seen.append(output))

    module(x)

    weights = seen[0].unflatten(0, (3, 4)).softmax(0)
    assert 0.155 < weights.min() < weights.max() < 0.577


def test_mspa_refuses_a_width_of_no_channel():
    with pytest.raises(ValueError, match=r"omega = 3 leaves no channel of 16 planes \(base 64\)"):
        MSPA(16, omega=3)


@pytest.mark.parametrize(("cardinality", "omega"), [(6, 30), (8, 30)])
def test_grouped_scales_in_resnext_are_the_facts_own_reading_of_mspanext(
    cardinality: int, omega: int
) -> None:
    reference = REFERENCES[f"network/mspanext29_{cardinality}c{omega}w3s/cifar100 (attempt)"]

    with torch.device("meta"):
        network = resnext29_8x64(
            cardinality=cardinality, mix=partial(MSPA, groups=cardinality), num_classes=100
        )

    assert sum(parameter.numel() for parameter in network.parameters()) == reference["params"]
