"""What every architecture of a space costs, by adding up the parts that its backbone plans.

A part is costed once per resolved arguments and input shape. Which sites bear on which part is
read off the plan itself: it is made with a mark in place of every factory, and a part's cost is
looked up by what its marks stand for. The sums are the integers of `measure`: each new option is
planned with and without marks, each backbone's first network is counted both ways, and what does
not come out the same is counted whole.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from trials.cost import Cost, Pass, forward
from trials.count import Rule, UncountedError
from trials.leaves import Mark, PeekedError, Taken, inside, token
from trials.probe import MisfitError, probed, reason

Network = Callable[..., Any]
Fill = Callable[[str, Any], Any]
Shape = tuple[int, ...]
Parts = list[tuple[str, Any]]


class WholeError(Exception):
    """A network does not come apart, and is costed whole; the words are those of a part."""


@dataclass
class Group:
    """The parts on which the same places bear, with the shapes that go in and come out.

    Where what stands there hands on another shape no cost is known: that is not the group's alone.
    """

    places: tuple[int, ...]
    parts: list[tuple[str, Any, Shape, Shape]] = field(default_factory=list)
    known: dict[Hashable, Cost | MisfitError | None] = field(default_factory=dict)


@dataclass
class Template:
    """A plan's parts with marks in them, and the same in groups."""

    parts: Parts
    groups: list[Group]


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
        self._fillable: dict[Hashable, dict[str, bool]] = {}
        self._adds_up: dict[Hashable, bool] = {}

    def __call__(self, network: Network) -> Cost:
        """Cost a network; a MisfitError says what does not fit, and where."""
        taken = self._taken(network)
        try:
            cost = self._sum(taken)
        except WholeError as error:
            return self._whole(taken, str(error)).cost
        backbone = taken.form[0]
        if backbone not in self._adds_up:
            self._adds_up[backbone] = self._alone(taken).cost == cost
        return cost if self._adds_up[backbone] else self._whole(taken).cost

    def breakdown(self, network: Network) -> tuple[dict[str, Cost], dict[str, Cost]]:
        """Return the cost of each stage, and of what stands at each site."""
        self(network)
        taken = self._taken(network)
        template = self._templates.get(taken.form)
        if template and self._adds_up[taken.form[0]]:
            steps = list(self._steps(taken, template.parts, beside_path))
        else:
            whole = ("network", taken.marked(taken.places))
            steps = [(*whole, self.shape, self._whole(taken))]
        stages: dict[str, Cost] = {}
        sites: dict[str, Cost] = {}
        for name, _, _, done in steps:
            stage = name.partition(".")[0]
            stages[stage] = stages.get(stage, Cost()) + done.cost
            for path, cost in done.sites.items():
                sites[path] = sites.get(path, Cost()) + cost
        return stages, sites

    def together(self, network: Network) -> list[list[str]]:
        """Return the paths that bear on the same part, all of them where a network is uncut."""
        taken = self._taken(network)
        empty = {leaf for leaf, value in enumerate(taken.values) if value is None}
        try:
            parts = planned(taken, taken.places | empty)
        except (WholeError, ValueError):
            return [taken.paths]
        return [[taken.paths[leaf] for leaf in marks(part)] for _, part in parts]

    def _taken(self, network: Network) -> Taken:
        """Take a network apart, having found out which of its empty places a factory may fill."""
        backbone = network.func if isinstance(network, partial) else network
        fillable = self._fillable.setdefault(token(backbone), {})
        taken = Taken(network, fillable)
        if not taken.untold:
            return taken
        for leaf in taken.untold:
            fillable[taken.paths[leaf]] = is_fillable(taken, leaf)
        return Taken(network, fillable)

    def _sum(self, taken: Taken) -> Cost:
        if taken.form not in self._templates:
            self._templates[taken.form] = self._template(taken)
        template = self._templates[taken.form]
        if template is None:
            raise WholeError
        params = macs = activations = 0
        misfit: MisfitError | None = None
        for group in template.groups:
            cost = self._known(taken, template, group)
            if cost is None:
                steps = self._steps(taken, template.parts)
                return sum((done.cost for _, _, _, done in steps), Cost())
            if isinstance(cost, MisfitError):
                misfit = misfit or cost
                continue
            params += cost.params
            macs += cost.macs
            activations += cost.activations
        if misfit:
            raise type(misfit)(str(misfit))
        return Cost(params, macs, activations)

    def _known(self, taken: Taken, template: Template, group: Group) -> Cost | MisfitError | None:
        tokens = taken.tokens
        key = tuple([tokens[place] for place in group.places])
        if key not in group.known:
            group.known[key] = self._group(taken, template, group)
        return group.known[key]

    def _template(self, taken: Taken) -> Template | None:
        try:
            parts = planned(taken, taken.places)
        except WholeError:
            return None
        groups: dict[tuple[int, ...], Group] = {}
        for name, part, shape, done in self._steps(taken, parts):
            places = tuple(sorted(set(marks(part))))
            group = groups.setdefault(places, Group(places))
            group.parts.append((name, part, shape, done.shape))
        return Template(parts, list(groups.values()))

    def _group(self, taken: Taken, template: Template, group: Group) -> Cost | MisfitError | None:
        if not is_planned(taken, template.parts):
            self._templates[taken.form] = None
            raise WholeError
        total = Cost()
        for name, part, shape, out in group.parts:
            try:
                done = self._part(taken, name, part, shape)
            except MisfitError as error:
                return type(error)(str(error))
            if done.shape != out:
                return None
            total += done.cost
        return total

    def _steps(
        self, taken: Taken, parts: Parts, key: Fill | None = None
    ) -> Iterator[tuple[str, Any, Shape, Pass]]:
        """Yield each part with the shape that goes in, and its pass."""
        shape = self.shape
        for index, (name, part) in enumerate(parts, 1):
            done = self._part(taken, name, part, shape, key)
            yield name, part, shape, done
            if not done.shape and index < len(parts):
                raise WholeError
            shape = done.shape

    def _part(
        self, taken: Taken, name: str, part: Any, shape: Shape, key: Fill | None = None
    ) -> Pass:
        try:
            return self._pass(taken, part, shape, key)
        except (MisfitError, UncountedError):
            raise
        # whatever a part lacks when it is alone, it may have in its network
        except Exception as error:
            raise WholeError(f"{name} on {shape}: {reason(error)}") from error

    def _whole(self, taken: Taken, words: str = "") -> Pass:
        """Count a network as it is, and once more to see whether what stands at its sites fits.

        A factory that is watched is not what it was to a backbone that looks at it: the cost is the
        network's own, and it has no sites where the two differ.
        """
        try:
            alone = self._alone(taken)
        except (ValueError, RuntimeError) as error:
            self._seen(taken)
            raise MisfitError(words or f"network on {self.shape}: {reason(error)}") from error
        seen = self._seen(taken)
        return seen if seen and seen.cost == alone.cost else replace(alone, sites={})

    def _alone(self, taken: Taken) -> Pass:
        key = (token(taken.call), self.shape)
        if key not in self._passes:
            self._passes[key] = self.run(taken.call, self.shape)
        return self._passes[key]

    def _seen(self, taken: Taken) -> Pass | None:
        try:
            return self._pass(taken, taken.marked(taken.places), self.shape, beside_path)
        except MisfitError:
            raise
        except Exception:
            return None

    def _pass(self, taken: Taken, part: Any, shape: Shape, key: Fill | None = None) -> Pass:
        """Run a part, or what is planned alike, with what stands at its sites watched."""
        known = (token(taken.filled(part, key)), shape)
        if known not in self._passes:
            self._passes[known] = self.run(taken.filled(part, probed), shape)
        return self._passes[known]


def planned(taken: Taken, places: Set[int]) -> Parts:
    """Plan a network with marks at these places."""
    plan = getattr(taken.call.func, "plan", None)
    if plan is None:
        raise WholeError
    marked = taken.marked(places)
    try:
        parts: Parts = list(plan(*marked.args, **marked.keywords).items())
    except (PeekedError, AttributeError, TypeError) as error:
        raise WholeError from error
    # a module or a tensor that is handed in may be shared by several parts
    if any(isinstance(value, nn.Module | Tensor) for value in inside([taken.values, parts])):
        raise WholeError
    return parts


def is_planned(taken: Taken, parts: Parts) -> bool:
    """Tell whether a plan with its marks filled is the plan of what fills them."""
    try:
        plain = planned(taken, set())
    except WholeError:
        return False
    return token(taken.filled(parts)) == token(plain)


def is_fillable(taken: Taken, leaf: int) -> bool:
    """Tell whether a plan hands on what stands at an empty leaf without looking at it."""
    factories = taken.places
    try:
        plain, marked = planned(taken, factories), planned(taken, factories | {leaf})
        return token(taken.filled(plain)) == token(taken.filled(marked))
    # whatever a plan does to a mark that it would not do to nothing
    except (WholeError, ValueError, TypeError, ArithmeticError, LookupError):
        return False


def marks(part: Any) -> list[int]:
    """Return the leaves whose marks stand in a part."""
    return [value.leaf for value in inside(part) if isinstance(value, Mark)]


def beside_path(path: str, value: Any) -> Any:
    """Tell equal factories at different places apart."""
    return (path, value)
