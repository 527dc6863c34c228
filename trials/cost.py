"""What a network costs before it is trained: parameters, multiply-accumulates, memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trials.count import Counter, Rule
from trials.meta import Unfilled
from trials.repeats import counted_once


@dataclass(frozen=True, slots=True)
class Cost:
    """Exact for one image: `activations` are the bytes of all results an operator writes."""

    params: int = 0
    macs: int = 0
    activations: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.params + other.params,
            self.macs + other.macs,
            self.activations + other.activations,
        )


def measure(
    build: Callable[[], nn.Module],
    shape: Sequence[int],
    rules: Mapping[str, Rule] | None = None,
) -> Cost:
    """Cost a network of (c, h, w) images on the meta device, where nothing is computed."""
    return forward(build, (1, *shape), rules).cost


@dataclass(frozen=True)
class Pass:
    """One forward pass: its cost, the shape that comes out, and the share of each probed site."""

    cost: Cost
    shape: tuple[int, ...]
    sites: Mapping[str, Cost]


def forward(
    build: Callable[[], nn.Module], shape: Sequence[int], rules: Mapping[str, Rule] | None = None
) -> Pass:
    """Run a pass on the meta device, or on the CPU where a module needs the values."""
    try:
        return passed(build, shape, rules, "meta")
    except (NotImplementedError, RuntimeError) as error:
        if "meta" not in str(error).lower():
            raise
        return passed(build, shape, rules, "cpu")


def passed(
    build: Callable[[], nn.Module],
    shape: Sequence[int],
    rules: Mapping[str, Rule] | None,
    device: str,
) -> Pass:
    """Run a pass on one device."""
    with torch.device(device), Unfilled():
        module = build().eval()
        x = torch.zeros(*shape)
    counter = Counter(rules)
    sites: dict[str, Cost] = {}
    for part in module.modules():
        if path := part.__dict__.get("probed"):
            watch(part, path, counter, sites)
    with counted_once(module, counter), torch.no_grad(), counter:
        out = module(x)
    cost = Cost(parameters(module), counter.macs, counter.activations)
    return Pass(cost, tuple(out.shape) if isinstance(out, Tensor) else (), sites)


def watch(part: nn.Module, path: str, counter: Counter, sites: dict[str, Cost]) -> None:
    """Add to a site what its module costs each time it is called."""
    sites[path] = sites.get(path, Cost()) + Cost(params=parameters(part))
    start = [0, 0]

    def before(*_: object) -> None:
        start[:] = counter.macs, counter.activations

    def after(*_: object) -> None:
        spent = Cost(0, counter.macs - start[0], counter.activations - start[1])
        sites[path] += spent

    part.register_forward_pre_hook(before)
    part.register_forward_hook(after)


def parameters(module: nn.Module) -> int:
    """Count the parameters of a module, shared ones once."""
    return sum(parameter.numel() for parameter in module.parameters())
