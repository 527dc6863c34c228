"""Count a block that stands in a network many times only once."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

PLAIN = (bool, int, float, str, type(None), torch.dtype, torch.Size)


class Totals(Protocol):
    """What is added up during a forward pass."""

    macs: int
    activations: int


@contextmanager
def counted_once(network: nn.Module, totals: Totals) -> Iterator[None]:
    """Run each block once per input shape; its repeats add the same costs and return its shape.

    Two blocks are repeats when their classes, plain attributes, tensor shapes and children agree;
    any attribute that is none of these counts as itself, and hooks make a block unlike all others.
    """
    keys: dict[nn.Module, int] = {}
    structure(network, keys, {})
    often = Tally(keys.values())
    memo: dict[Hashable, tuple[Any, int, int]] = {}
    patched = []
    for module, key in keys.items():
        if often[key] > 1 and module._modules and "forward" not in module.__dict__:
            module.forward = replay(module.forward, key, memo, totals)
            patched.append(module)
    try:
        yield
    finally:
        for module in patched:
            del module.forward


def structure(module: nn.Module, keys: dict[nn.Module, int], known: dict[Hashable, int]) -> int:
    """Number every module so that equal numbers mean equal blocks."""
    if module in keys:
        return keys[module]
    own = tuple(
        (name, plain(value)) for name, value in vars(module).items() if not name.startswith("_")
    )
    tensors = tuple(
        (name, None if tensor is None else (tuple(tensor.shape), tensor.dtype))
        for held in (module._parameters, module._buffers)
        for name, tensor in held.items()
    )
    children = tuple(
        (name, child if child is None else structure(child, keys, known))
        for name, child in module._modules.items()
    )
    hooks = id(module) if module._forward_hooks or module._forward_pre_hooks else 0
    key = (type(module), own, tensors, children, hooks)
    keys[module] = known.setdefault(key, len(known))
    return keys[module]


def plain(value: object) -> Hashable:
    """Return a value that can be compared by itself, or its identity."""
    if isinstance(value, PLAIN):
        return (type(value), value)
    if isinstance(value, tuple | list):
        return (type(value), *(plain(item) for item in value))
    return id(value)


def replay(
    forward: Callable[..., Any],
    key: int,
    memo: dict[Hashable, tuple[Any, int, int]],
    totals: Totals,
) -> Callable[..., Any]:
    """Wrap a forward so that equal input shapes are run once."""

    def once(*inputs: Any, **named: Any) -> Any:
        if named or not all(isinstance(x, Tensor) for x in inputs):
            return forward(*inputs, **named)
        call = (key, *((tuple(x.shape), x.dtype) for x in inputs))
        if call in memo:
            out, macs, activations = memo[call]
            totals.macs += macs
            totals.activations += activations
            return out
        macs, activations = totals.macs, totals.activations
        out = forward(*inputs)
        if isinstance(out, Tensor):
            memo[call] = (out, totals.macs - macs, totals.activations - activations)
        return out

    return once
