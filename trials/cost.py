"""What a network costs before it is trained: parameters, multiply-accumulates, memory."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trials.count import Counter, Outside, Rule
from trials.meta import Unfilled, needs_values, own, uncollected
from trials.probe import release
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
    """One forward pass: its cost, and the share of each probed site.

    `shape` is what comes out; it is empty where that is not one tensor like those that go in, so
    that what comes next cannot be counted from its shape.
    """

    cost: Cost
    shape: tuple[int, ...]
    sites: Mapping[str, Cost]


def forward(
    build: Callable[[], nn.Module], shape: Sequence[int], rules: Mapping[str, Rule] | None = None
) -> Pass:
    """Run a pass on the meta device; what needs values is built, then also run on the CPU."""
    try:
        with uncollected():
            return passed(build, shape, rules, "meta", "meta")
    except (RuntimeError, TypeError, ValueError) as error:
        if not needs_values(error):
            raise
    # what draws its values shall cost the same each time, and disturb no other draws
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        try:
            return passed(build, shape, rules, "cpu", "meta")
        except (RuntimeError, TypeError, ValueError) as error:
            if not needs_values(error):
                raise
        torch.default_generator.manual_seed(0)
        return passed(build, shape, rules, "cpu", "cpu")


def passed(
    build: Callable[[], nn.Module],
    shape: Sequence[int],
    rules: Mapping[str, Rule] | None,
    built: str,
    run: str,
) -> Pass:
    """Build on one device and run on another, and leave a network that was there before alone."""
    with Unfilled(built), torch.no_grad():
        network = build()
    try:
        ours = own(network) if run == "meta" else network
        return counted(ours, torch.zeros(*shape, device=run), rules)
    finally:
        release(network)


def counted(network: nn.Module, x: Tensor, rules: Mapping[str, Rule] | None) -> Pass:
    """Count a pass; where values matter each block is run, and none of them leaves torch."""
    counter = Counter(rules)
    sites: dict[str, Cost] = {}
    guard = counted_once(network, counter) if x.is_meta else Outside()
    watch = watched(network, counter, sites)
    with evaluated(network), uncompiled(x), watch, guard, torch.no_grad(), counter:
        out = network(x)
    cost = Cost(parameters(network), counter.macs, counter.activations)
    return Pass(cost, shape_of(out), sites)


def shape_of(out: object) -> tuple[int, ...]:
    """Return the shape of what a network hands on, where the shape says all."""
    is_plain = isinstance(out, Tensor) and out.dtype == torch.float32 and out.is_contiguous()
    return tuple(out.shape) if isinstance(out, Tensor) and is_plain else ()


@contextmanager
def evaluated(network: nn.Module) -> Iterator[None]:
    """Have a network evaluate, then do again what it did."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def uncompiled(x: Tensor) -> AbstractContextManager[object]:
    """Run what is compiled as it is written; a compiler would trace the counter too."""
    # importing it takes a second, and on the meta device nobody waits for it
    if x.is_meta and "torch._dynamo" not in sys.modules:
        return nullcontext()
    eager: AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return eager


@contextmanager
def watched(network: nn.Module, counter: Counter, sites: dict[str, Cost]) -> Iterator[None]:
    """Add to each probed site what its modules cost each time they are called."""
    handles = []
    for module in network.modules():
        if path := module.__dict__.get("probed"):
            sites[path] = sites.get(path, Cost()) + Cost(params=parameters(module))
            share = Share(path, counter, sites)
            handles += [
                module.register_forward_pre_hook(share.before),
                module.register_forward_hook(share.after),
            ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class Share:
    """What the counter adds between the start and the end of a call goes to a site."""

    def __init__(self, path: str, counter: Counter, sites: dict[str, Cost]) -> None:
        self.path, self.counter, self.sites = path, counter, sites
        self.start = (0, 0)

    def before(self, *_: object) -> None:
        """Note where the counter stands."""
        self.start = self.counter.macs, self.counter.activations

    def after(self, *_: object) -> None:
        """Add what has come since."""
        macs, activations = self.start
        spent = Cost(0, self.counter.macs - macs, self.counter.activations - activations)
        self.sites[self.path] += spent


def parameters(module: nn.Module) -> int:
    """Count the parameters of a module, shared ones once."""
    return sum(parameter.numel() for parameter in module.parameters())
