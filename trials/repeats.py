"""Count a block that stands in a network many times only once."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

PLAIN = {bool, int, float, str, type(None), torch.dtype, torch.device, torch.Size}
OF_TORCH = frozenset(vars(nn.Module())) - {"training"}


class Totals(Protocol):
    """What is added up during a forward pass."""

    macs: int
    activations: int


@contextmanager
def counted_once(network: nn.Module, totals: Totals) -> Iterator[None]:
    """Run each block once per look of its inputs; its repeats add the same costs.

    Two blocks are repeats when their classes, attributes, tensor shapes and children agree; an
    attribute that is no plain value counts as itself, and hooks make a block unlike all others.
    What no shape tells apart must not matter, so this is for networks without values.
    """
    keys: dict[nn.Module, int] = {}
    blocks = Blocks(totals)
    blocks.number(network, keys)
    often = Tally(keys.values())
    patched = []
    for module, key in keys.items():
        if often[key] > 1 and module._modules and "forward" not in module.__dict__:
            module.forward = Once(module, module.forward, key, blocks)
            patched.append(module)
    try:
        yield
    finally:
        for module in patched:
            del module.forward


@dataclass
class Blocks:
    """The blocks met so far: a number for each kind, and what a kind did with inputs of a look."""

    totals: Totals
    kinds: dict[Hashable, int] = field(default_factory=dict)
    done: dict[Hashable, tuple[Tensor, int, int]] = field(default_factory=dict)

    def number(self, module: nn.Module, keys: dict[nn.Module, int]) -> int:
        """Number a module and all in it, so that equal numbers mean equal blocks."""
        if module in keys:
            return keys[module]
        held = module.__dict__
        own = tuple(
            [
                (name, plain(value))
                for name, value in held.items()
                if name not in OF_TORCH and type(value) is not Once
            ]
        )
        tensors = tuple(
            [
                (name, tensor if tensor is None else (tensor.shape, tensor.dtype))
                for group in (held["_parameters"], held["_buffers"])
                for name, tensor in group.items()
            ]
        )
        children = tuple(
            [
                (name, child if child is None else self.number(child, keys))
                for name, child in held["_modules"].items()
            ]
        )
        hooks = id(module) if module._forward_hooks or module._forward_pre_hooks else 0
        kind = (type(module), own, tensors, children, hooks)
        keys[module] = self.kinds.setdefault(kind, len(self.kinds))
        return keys[module]


@dataclass(eq=False)
class Once:
    """A forward that is run once for all repeats of its block."""

    module: nn.Module
    forward: Callable[..., Any]
    key: int
    blocks: Blocks

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Run the block, or add what it cost before and return what looks like its result."""
        if named or not all(isinstance(x, Tensor) for x in inputs):
            return self.forward(*inputs, **named)
        totals = self.blocks.totals
        call = (self.key, *((x.shape, x.stride(), x.dtype) for x in inputs))
        if call in self.blocks.done:
            out, macs, activations = self.blocks.done[call]
            totals.macs += macs
            totals.activations += activations
            # another view each time: the caller may change its shape in place
            return out.detach()
        macs, activations = totals.macs, totals.activations
        out = self.forward(*inputs)
        # a block that notes something in itself may be asked for it, so each is run
        if isinstance(out, Tensor) and self.blocks.number(self.module, {}) == self.key:
            spent = (totals.macs - macs, totals.activations - activations)
            self.blocks.done[call] = (out.detach(), *spent)
        return out


def plain(value: object) -> Hashable:
    """Return a value that can be compared by itself, or its identity."""
    kind = type(value)
    if kind in PLAIN:
        return (kind, value)
    if isinstance(value, tuple | list):
        return (type(value), *(plain(item) for item in value))
    if isinstance(value, dict):
        return (type(value), *((plain(key), plain(item)) for key, item in value.items()))
    return id(value)
