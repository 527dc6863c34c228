"""SCSA and its halves, against a slow second version."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modules.attention.scsa import PCSA, SCSA, SMSA
from tests.modules.definitions import maps, near, scattered


def slow_squash(logits: Tensor, gate: str, dim: int) -> Tensor:
    powers = logits.exp()
    return powers / (1 + powers) if gate == "sigmoid" else powers / powers.sum(dim, keepdim=True)


def slow_group_norm(x: Tensor, norm: nn.GroupNorm) -> Tensor:
    parts = []
    for sample in x:
        groups = sample.chunk(norm.num_groups)
        normal = [(g - g.mean()) / (g.var(unbiased=False) + norm.eps).sqrt() for g in groups]
        parts.append(torch.cat(normal))
    shape = [-1] + [1] * (x.dim() - 2)
    return torch.stack(parts) * norm.weight.reshape(shape) + norm.bias.reshape(shape)


def slow_smsa(module: SMSA, x: Tensor, kernels: Sequence[int], gate: str) -> Tensor:
    weights = []
    for means, norm in ((x.mean(3), module.row_norm), (x.mean(2), module.column_norm)):
        channels = []
        for index, kernel in enumerate(kernels):
            conv = module.convs[index]
            padded = F.pad(means.chunk(len(kernels), 1)[index], [kernel // 2] * 2)
            windows = padded.unfold(2, kernel, 1)
            channels.append((windows * conv.weight[:, 0, None, :]).sum(3) + conv.bias[:, None])
        weights.append(slow_squash(slow_group_norm(torch.cat(channels, 1), norm), gate, 2))
    return x * weights[0][:, :, :, None] * weights[1][:, :, None, :]


def slow_pcsa(module: PCSA, x: Tensor, heads: int, window: int | None, pool: str, gate: str):
    reduce = Tensor.mean if pool == "average" else Tensor.amax
    tall, wide = (window, window) if window else x.shape[2:]
    cells = [
        reduce(x[:, :, i * tall : (i + 1) * tall, j * wide : (j + 1) * wide], (2, 3))
        for i in range(x.shape[2] // tall)
        for j in range(x.shape[3] // wide)
    ]
    normal = slow_group_norm(torch.stack(cells, 2), module.norm)
    query, key, value = (
        normal * conv.weight[:, 0, 0] + (0 if conv.bias is None else conv.bias[:, None])
        for conv in (module.query, module.key, module.value)
    )
    mixed = []
    for q, k, v in zip(*(t.chunk(heads, 1) for t in (query, key, value)), strict=True):
        scores = torch.einsum("nit,njt->nij", q, k) / math.sqrt(q.shape[1])
        attention = scores.exp() / scores.exp().sum(2, keepdim=True)
        mixed.append(torch.einsum("nij,njt->nit", attention, v).mean(2))
    return x * slow_squash(torch.cat(mixed, 1), gate, 1)[:, :, None, None]


@pytest.mark.parametrize("gate", ["sigmoid", "softmax"])
@pytest.mark.parametrize("kernels", [(3, 5, 7, 9), (3, 3, 3, 3), (5, 11)])
def test_smsa_equals_its_definition_at_any_kernels_and_gate(kernels, gate):
    module = scattered(SMSA(16, kernels, gate))
    x = maps(2, 16, 9, 6)

    output = module(x)

    assert near(output, slow_smsa(module, x, kernels, gate))


@pytest.mark.parametrize("gate", ["sigmoid", "softmax"])
@pytest.mark.parametrize("pool", ["average", "maximum"])
@pytest.mark.parametrize("window", [None, 3, 5])
@pytest.mark.parametrize("heads", [1, 4])
def test_pcsa_equals_its_definition_at_any_heads_window_pool_and_gate(heads, window, pool, gate):
    module = scattered(PCSA(16, heads, window, pool, heads == 4, gate))
    x = maps(2, 16, 11, 7)

    output = module(x)

    assert near(output, slow_pcsa(module, x, heads, window, pool, gate))


def test_scsa_gates_space_first_and_channels_of_what_is_left():
    module = scattered(SCSA(16, window=3))
    x = maps(2, 16, 7, 7)

    output = module(x)

    assert near(output, module.channel(module.spatial(x)))
    assert not near(output, module.spatial(module.channel(x)))


def test_scsa_drops_attention_in_training_alone():
    module = scattered(SCSA(32, window=None, dropout=0.5))
    x = maps(1, 32, 7, 7)

    trained = {module.train()(x).sum().item() for _ in range(4)}
    evaluated = {module.eval()(x).sum().item() for _ in range(4)}

    assert len(trained) == 4
    assert len(evaluated) == 1


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_scsa_says_which_map_is_too_small_for_its_window(device):
    module = SCSA(16).to(device)

    with pytest.raises(ValueError, match="a 4x9 map is smaller than the window of 7; window=None"):
        module(torch.zeros(1, 16, 4, 9, device=device))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"channels": 30}, "channels = 30 is not divisible by 4 kernels"),
        ({"channels": 16, "heads": 3}, "channels = 16 is not divisible by 3 heads"),
        ({"channels": 16, "kernels": (3, 4)}, r"kernels = \(3, 4\) are not all odd"),
        ({"channels": 16, "pool": "mean"}, "pool = 'mean' is not one of 'average', 'maximum'"),
        ({"channels": 16, "gate": "relu"}, "gate = 'relu' is not one of 'sigmoid', 'softmax'"),
    ],
)
def test_scsa_refuses_what_it_cannot_build(arguments, words):
    with pytest.raises(ValueError, match=words):
        SCSA(**arguments)
