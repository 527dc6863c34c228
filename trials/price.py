"""What every architecture of a space costs, by adding up the parts that its backbone plans.

A part is costed once per resolved arguments and input shape. Which sites bear on which part is
read off the plan itself: it is made with a mark in place of every factory, and a part's cost is
looked up by what its marks stand for. The sums are the integers of `measure`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeGuard

from torch import nn

from trials.cost import Cost, Pass, forward
from trials.count import Rule
from trials.probe import MisfitError, Probe, reason

Network = Callable[..., Any]
Shape = tuple[int, ...]
Leaves = list[tuple[str, Any]]


@dataclass(frozen=True)
class Mark:
    """Stands in a plan for the factory at one leaf; a plan hands factories on, uncalled."""

    leaf: int

    def __call__(self, *args: object, **named: object) -> nn.Module:
        """Say that this plan looks into its factories."""
        raise PeekedError


class PeekedError(Exception):
    """A plan used a factory itself instead of handing it on."""


class UnevenError(Exception):
    """A site changes the shape its part hands on, so costs do not add up site by site."""


@dataclass
class Group:
    """The parts on which the same leaves bear, with the shapes that go in and come out."""

    parts: list[tuple[str, Any, Shape, Shape]] = field(default_factory=list)
    known: dict[Hashable, Cost | MisfitError] = field(default_factory=dict)


Template = dict[tuple[int, ...], Group]


class Prices:
    """The costs of networks given as deferred calls, for one (c, h, w) image.

    `run` counts one part; another than ours (see `trials.profilers`) adds up just the same.
    """

    def __init__(
        self,
        shape: Sequence[int],
        rules: Mapping[str, Rule] | None = None,
        run: Callable[[Callable[[], nn.Module], Shape], Pass] | None = None,
    ) -> None:
        self.shape = (1, *shape)
        self.run = run or partial(forward, rules=rules)
        self._passes: dict[Hashable, Pass] = {}
        self._templates: dict[Hashable, Template | None] = {}

    def __call__(self, network: Network) -> Cost:
        """Cost a network; a MisfitError says what does not fit, and where."""
        call = network if isinstance(network, partial) else partial(network)
        held = leaves(call)
        tokens = [token(value) for _, value in held]
        form = (
            call.func,
            *(
                (path, callable(value) or key)
                for (path, value), key in zip(held, tokens, strict=True)
            ),
        )
        if form not in self._templates:
            self._templates[form] = self._template(call, held)
        template = self._templates[form]
        if template is None:
            return self._whole(call, held)
        params = macs = activations = 0
        for places, group in template.items():
            key = tuple([tokens[place] for place in places])
            cost = group.known.get(key)
            if cost is None:
                try:
                    cost = group.known[key] = self._group(group, held)
                except UnevenError:
                    self._templates[form] = None
                    return self._whole(call, held)
            if isinstance(cost, MisfitError):
                raise cost
            params += cost.params
            macs += cost.macs
            activations += cost.activations
        return Cost(params, macs, activations)

    def breakdown(self, network: Network) -> tuple[dict[str, Cost], dict[str, Cost]]:
        """Return the cost of each stage, and of what stands at each site."""
        call = network if isinstance(network, partial) else partial(network)
        held = leaves(call)
        stages: dict[str, Cost] = {}
        sites: dict[str, Cost] = {}
        shape: Shape = self.shape
        for name, part in self._plan(call, held) or [("network", with_marks(call))]:
            done = self._pass(name, part, held, shape)
            stage = name.partition(".")[0]
            stages[stage] = stages.get(stage, Cost()) + done.cost
            for path, cost in done.sites.items():
                sites[path] = sites.get(path, Cost()) + cost
            shape = done.shape
        return stages, sites

    def together(self, network: Network) -> list[list[str]]:
        """Return the paths that bear on the same part, all of them where a network is uncut."""
        call = network if isinstance(network, partial) else partial(network)
        held = leaves(call)
        marked = with_marks(call, empty_too=True)
        plan = getattr(call.func, "plan", None)
        try:
            parts = plan(*marked.args, **marked.keywords).values() if plan else ()
        except (PeekedError, AttributeError, TypeError, ValueError):
            parts = ()
        if not parts:
            return [[path for path, _ in held]]
        return [[held[mark.leaf][0] for mark in inside(part) if is_mark(mark)] for part in parts]

    def _plan(self, call: partial[Any], held: Leaves) -> list[tuple[str, Any]]:
        """Plan a network with marks for its factories; empty where it cannot be cut in parts."""
        plan = getattr(call.func, "plan", None)
        shared = any(isinstance(part, nn.Module) for _, value in held for part in inside(value))
        if plan is None or shared:
            return []
        marked = with_marks(call)
        try:
            return list(plan(*marked.args, **marked.keywords).items())
        except (PeekedError, AttributeError, TypeError):
            return []

    def _template(self, call: partial[Any], held: Leaves) -> Template | None:
        template: Template = {}
        shape: Shape = self.shape
        for name, part in self._plan(call, held):
            places = {value.leaf for value in inside(part) if isinstance(value, Mark)}
            out = self._pass(name, part, held, shape).shape
            group = template.setdefault(tuple(sorted(places)), Group())
            group.parts.append((name, part, shape, out))
            shape = out
        return template or None

    def _group(self, group: Group, held: Leaves) -> Cost | MisfitError:
        total = Cost()
        for name, part, shape, out in group.parts:
            try:
                done = self._pass(name, part, held, shape)
            except MisfitError as error:
                return error
            if done.shape != out:
                raise UnevenError
            total += done.cost
        return total

    def _whole(self, call: partial[Any], held: Leaves) -> Cost:
        return self._pass("network", with_marks(call), held, self.shape).cost

    def _pass(self, name: str, part: Any, held: Leaves, shape: Shape) -> Pass:
        """Run a part with every mark replaced by the factory it stands for, watched."""
        plain = replaced(part, lambda value: held[value.leaf][1] if is_mark(value) else value)
        key = (token(plain), shape)
        if key not in self._passes:
            probed = replaced(
                part, lambda value: Probe(*held[value.leaf]) if is_mark(value) else value
            )
            try:
                self._passes[key] = self.run(probed, shape)
            except MisfitError:
                raise
            except (ValueError, RuntimeError) as error:
                raise MisfitError(f"{name} on {shape}: {reason(error)}") from error
        return self._passes[key]


def leaves(call: partial[Any]) -> Leaves:
    """Return what stands at each place of a call, lists and mappings taken apart."""
    named = [
        *((str(index), value) for index, value in enumerate(call.args)),
        *call.keywords.items(),
    ]
    return [leaf for path, value in named for leaf in spread(path, value)]


def spread(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a list or mapping with their paths."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from spread(f"{path}.{key}", item)
    elif type(value) in (list, tuple):
        for index, item in enumerate(value):
            yield from spread(f"{path}.{index}", item)
    else:
        yield path, value


def with_marks(call: partial[Any], empty_too: bool = False) -> partial[Any]:
    """Return the call with a mark in place of each factory, numbered as `leaves` lists them."""
    count = itertools.count()

    def mark(value: Any) -> Any:
        leaf = next(count)
        return Mark(leaf) if callable(value) or (empty_too and value is None) else value

    args = [replaced(value, mark, into_calls=False) for value in call.args]
    named = {key: replaced(value, mark, into_calls=False) for key, value in call.keywords.items()}
    return partial(call.func, *args, **named)


def is_mark(value: Any) -> TypeGuard[Mark]:
    """Tell a mark from what a plan holds itself."""
    return isinstance(value, Mark)


def replaced(value: Any, substitute: Callable[[Any], Any], into_calls: bool = True) -> Any:
    """Rebuild a value with its innermost values substituted."""
    if isinstance(value, Mapping):
        return {key: replaced(item, substitute, into_calls) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [replaced(item, substitute, into_calls) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, partial) and into_calls:
        args = replaced(value.args, substitute)
        return partial(
            replaced(value.func, substitute), *args, **replaced(value.keywords, substitute)
        )
    return substitute(value)


def inside(value: Any) -> list[Any]:
    """Return the innermost values of deferred calls, lists and mappings."""
    found: list[Any] = []

    def note(item: Any) -> Any:
        found.append(item)
        return item

    replaced(value, note)
    return found


def token(value: Any) -> Hashable:
    """Return what tells one resolved value from another."""
    kind = type(value)
    if kind is partial:
        return (token(value.func), token(value.args), token(value.keywords))
    if kind is dict:
        return tuple([(key, token(item)) for key, item in value.items()])
    if isinstance(value, list | tuple):
        return (kind, *[token(item) for item in value])
    if kind is bool or kind is float:
        return (kind, value)
    return value if isinstance(value, Hashable) else repr(value)
