"""The papers' exact counts and golden outputs, and the rule that makes the outputs."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

REFERENCES = json.loads((Path(__file__).parent / "references.json").read_text())


def wave(shape: Sequence[int], function: Callable[[Tensor], Tensor], step: float) -> Tensor:
    index = torch.arange(1, math.prod(shape) + 1, dtype=torch.float64)
    return function(step * index).reshape(list(shape))


def fill(module: nn.Module, order: Sequence[str], names: Sequence[str] | None = None) -> None:
    """Give our tensors their golden values: `order` in the reference's order, with its `names`."""
    state = module.state_dict(keep_vars=True)
    for place, (ours, name) in enumerate(zip(order, names or order, strict=True)):
        tensor = state[ours]
        count = tensor.numel()
        index = torch.arange(1, count + 1, dtype=torch.float64)
        value = torch.sin(0.37 * index + 1.1 * place).reshape(tensor.shape)
        if name.endswith("running_var"):
            value = 1 + 0.1 * value.abs()
        elif name.endswith("running_mean"):
            value = 0.1 * value
        elif tensor.dim() >= 2:
            value = value / math.sqrt(count / tensor.shape[0])
        elif name.endswith("weight"):
            value = 1 + 0.1 * value
        else:
            value = 0.1 * value
        tensor.data.copy_(value)


def golden_inputs(entry: dict) -> list[Tensor]:
    waves = [(torch.sin, 0.05), (torch.cos, 0.03)]
    return [wave(shape, *how) for shape, how in zip(entry["golden"]["inputs"], waves, strict=False)]


def golden_error(output: Tensor, entry: dict) -> float:
    """The largest difference from the golden output, relative to its mean magnitude."""
    golden = entry["golden"]["output"]
    assert list(output.shape) == golden["shape"]
    flat = output.detach().flatten()
    pairs = [
        (flat.sum() / flat.numel(), golden["sum"] / flat.numel()),
        (flat.abs().mean(), golden["mean_abs"]),
        *zip(flat[:6], golden["first6"], strict=True),
        *zip(flat[-3:], golden["last3"], strict=True),
    ]
    return max(abs(float(ours) - theirs) for ours, theirs in pairs) / golden["mean_abs"]


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
