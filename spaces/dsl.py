"""The search-space language: a space is a deferred call with choices left open in it.

`Any` is what a choice returns, so that it may stand wherever a value may while a type checker
still checks the call around it; and what a network or a recipe is, which this file never looks at.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, ParamSpec

from spaces.count import count, islands
from spaces.fit import Price, check_recipe, check_single, check_tolerance, number, solve
from spaces.labels import Label, SpaceError, labelled, near
from spaces.odometer import Odometer
from spaces.ties import check_ties
from spaces.tree import (
    Answer,
    Choice,
    Decision,
    Fit,
    Group,
    answered,
    call,
    check_calls,
    decisions,
    offered,
    places,
    read,
    recorded,
    resolve,
)

P = ParamSpec("P")
Pick = Callable[[str, tuple[Label, ...]], Label]


def choice(*options: Any, tie: str | None = None, **named: Any) -> Any:
    """Offer alternatives; a keyword names its option, otherwise a class or number names itself.

    Choices of equal `tie` move together.
    """
    return Choice(labelled(options, named), tie)


def fit(
    options: Iterable[Any],
    macs: Any = None,
    params: Any = None,
    tolerance: float = 0.05,
    tie: str | None = None,
) -> Any:
    """Take the option whose network comes closest to a cost, after all choices are made.

    The target is a number, a baseline or a baseline's name; what stays further away than
    `tolerance` is rejected.
    """
    targets = {"macs": macs, "params": params}
    given = [metric for metric, target in targets.items() if target is not None]
    if len(given) != 1:
        raise SpaceError("a fit has one target: fit(range(8, 65), macs=...) or params=...")
    check_tolerance(tolerance)
    return Fit(labelled(tuple(options), {}), tie, given[0], targets[given[0]], tolerance)


@dataclass(frozen=True, eq=False)
class Architecture:
    """One decided point of a space; `refusal` says why it is rejected, where it is."""

    choices: Mapping[str, Label]
    network: partial[Any]
    recipe: Any = None
    refusal: str = ""

    def build(self) -> Any:
        """Build the network."""
        return self.network()

    @property
    def key(self) -> str:
        """A short hash of the choices, the same in every process and on every machine."""
        text = json.dumps(dict(self.choices), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Architecture) and self.choices == other.choices

    def __hash__(self) -> int:
        return hash(frozenset(self.choices.items()))


class Space:
    """All architectures that `backbone(*args, **sites)` can become."""

    def __init__(self, backbone: Callable[P, object], *args: P.args, **sites: P.kwargs) -> None:
        self.backbone: Any = backbone
        self.args: tuple[Any, ...] = args
        self.sites: dict[str, Any] = dict(sites)
        self.recipe: Any = None
        self.price: Price | None = None
        self.baselines: Mapping[str, Space] = {}
        self.prepare: Callable[[Space], Space] | None = None
        self._read()

    def _read(self) -> None:
        check_calls(self.backbone, self.args, self.sites, "")
        children = [
            read(self.backbone, "backbone"),
            *(read(value, str(index)) for index, value in enumerate(self.args)),
            *(read(value, name) for name, value in self.sites.items()),
        ]
        network = Group(partial(call, list(self.sites)), children)
        recipe = read(self.recipe, "recipe")
        check_recipe(decisions(recipe))
        self.root = Group(list, [network, recipe])
        check_ties(self.root, {})
        self.decisions: dict[str, Decision] = {}
        for decision in decisions(self.root):
            self.decisions.setdefault(decision.name, decision)
        self._islands = {
            decision: island for island in islands(self.root) for decision in decisions(island.root)
        }

    def _changed(self, **changes: Any) -> Space:
        space = object.__new__(Space)
        space.__dict__.update({**self.__dict__, **changes})
        space._read()
        return space

    def with_arguments(self, **arguments: Any) -> Space:
        """Return this space with some arguments of the backbone set."""
        return self._changed(sites={**self.sites, **arguments})

    def with_recipe(self, recipe: Any) -> Space:
        """Return this space with the choices in a deferred recipe added, as `recipe.lr`."""
        return self._changed(recipe=recipe)

    def with_price(
        self,
        price: Price,
        baselines: Mapping[str, Space] | None = None,
        prepare: Callable[[Space], Space] | None = None,
    ) -> Space:
        """Return this space with what its fits need: costs, and baselines by name.

        `prepare` sets arguments on a target that is a space itself.
        """
        space = self._changed(price=price, baselines=baselines or {}, prepare=prepare)
        space._check_targets()
        return space

    @property
    def size(self) -> int:
        """The exact number of architectures."""
        return count(self.root)

    @property
    def labels(self) -> dict[str, tuple[Label, ...]]:
        """The options of every choice, by name and in reading order; fits are not searched."""
        return {
            name: decision.choice.labels
            for name, decision in self.decisions.items()
            if not isinstance(decision.choice, Fit)
        }

    @property
    def places(self) -> list[Set[str]]:
        """The names that are decided at each place of the network, and in the recipe."""
        network, recipe = self.root.children
        assert isinstance(network, Group)
        held = [*places(network), recipe]
        return [node.names.keys() for node in held if node.names]

    def sample(self, pick: Pick) -> Architecture:
        """Ask `pick` for every choice that is reached, in reading order."""
        return self._walk(
            lambda decision, _: offered(decision, pick(decision.name, decision.choice.labels))
        )

    def at(self, choices: Mapping[str, Label]) -> Architecture:
        """Rebuild the architecture that recorded these choices."""
        architecture = self._walk(lambda decision, _: recorded(decision, choices), choices)
        for name, label in choices.items():
            if name not in self.decisions:
                hint = near(name, self.decisions)
                raise SpaceError(f"{name} = {label!r} is not in this space{hint}")
            if name not in architecture.choices:
                raise SpaceError(f"{name} = {label!r} does not arise from the other choices")
        return architecture

    def __iter__(self) -> Iterator[Architecture]:
        """Yield every architecture once, the last choice turning fastest."""
        return self.varied(self.decisions)

    def varied(
        self, names: Container[str], around: Mapping[str, Label] | None = None
    ) -> Iterator[Architecture]:
        """Yield what some of the choices make; the others stay as `around` has them, or first."""
        odometer = Odometer(names, around or {})
        yield self.sample(odometer)
        while odometer.turn():
            yield self.sample(odometer)

    def draw(self, random: Random) -> Architecture:
        """Draw one architecture; each comes equally often, however many labels it has."""
        return self._walk(
            lambda decision, made: self._islands[decision].draw(decision, made, random)
        )

    def _walk(self, answer: Answer, solved: Mapping[str, Label] | None = None) -> Architecture:
        made: dict[str, Label] = {}
        fits: list[Decision] = []

        def ask(decision: Decision, made: dict[str, Label]) -> Label:
            if not isinstance(decision.choice, Fit):
                return answer(decision, made)
            fits.append(decision)
            known = decision.name in (solved or {})
            return answer(decision, made) if known else decision.choice.labels[0]

        network, recipe = self._resolved(made, ask)
        check_single(fits)
        known = [made[fit.name] for fit in fits if fit.name in (solved or {})]
        if not fits or (known and self.price is None):
            return Architecture(made, network, recipe)
        return self._solve(made, fits[0], known or fits[0].choice.labels)

    def _resolved(self, made: dict[str, Label], answer: Answer) -> tuple[partial[Any], Any]:
        network, recipe = (resolve(child, made, answer) for child in self.root.children)
        assert isinstance(network, partial)
        return network, recipe

    def _solve(
        self, made: dict[str, Label], decision: Decision, labels: Sequence[Label]
    ) -> Architecture:
        name, wanted = decision.name, decision.choice
        assert isinstance(wanted, Fit)

        def cost(label: Label) -> float:
            network, _ = self._resolved({**made, name: label}, answered)
            return self._cost(name, network, wanted.metric)

        made[name], refusal = solve(name, wanted, labels, self._target(name, wanted), cost)
        network, recipe = self._resolved(made, answered)
        return Architecture(made, network, recipe, refusal)

    def _cost(self, name: str, network: Any, metric: str) -> float:
        if self.price is None:
            raise SpaceError(f"{name} is a fit and this space has no cost to solve it with")
        return float(getattr(self.price(network), metric))

    def _target(self, name: str, wanted: Fit) -> float:
        target = self._target_space(name, wanted)
        if target is None:
            return number(name, wanted.target)
        architecture = next(iter(target))
        try:
            return self._cost(name, architecture.network, wanted.metric)
        except ValueError as error:
            raise SpaceError(f"{name}: the network to fit to cannot be built; {error}") from None

    def _target_space(self, name: str, wanted: Fit) -> Space | None:
        target = wanted.target
        if isinstance(target, str):
            if target not in self.baselines:
                hint = near(target, self.baselines)
                raise SpaceError(f"{name}: there is no baseline {target!r} to fit to{hint}")
            target = self.baselines[target]
        elif isinstance(target, Space) and self.prepare:
            target = self.prepare(target)
        if isinstance(target, Space):
            if target.size != 1:
                raise SpaceError(
                    f"{name}: the target of the fit has {target.size} architectures; it needs one"
                )
            return target._changed(price=self.price, baselines=self.baselines, prepare=self.prepare)
        number(name, target)
        return None

    def _check_targets(self, trail: tuple[object, ...] = ()) -> None:
        for name, decision in self.decisions.items():
            wanted = decision.choice
            if not isinstance(wanted, Fit):
                continue
            if any(wanted is earlier for earlier in trail):
                raise SpaceError(f"{name}: the target of the fit refers back to the fit")
            if target := self._target_space(name, wanted):
                target._check_targets((*trail, wanted))
