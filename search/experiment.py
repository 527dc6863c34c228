"""What one command works on: a space, its recipe, baselines and limits, checked and joined."""

from __future__ import annotations

import dataclasses
import inspect
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from search.space_file import read_space_file
from spaces import Architecture, Space, SpaceError
from spaces.calls import keywords_of
from spaces.labels import near
from trials.cost import Cost
from trials.data import describe, stem_of
from trials.price import Prices
from trials.recipe import Images, Recipe

METRICS = ("accuracy", "macs", "params", "ptflops", "thop", "activations", "latency", "memory")
COUNTED = ("macs", "params", "activations", "ptflops", "thop")
ALIASES = {"flops": "macs"}
SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True)
class Limit:
    """A bound on a metric, as `macs<=1.3e9`."""

    metric: str
    sign: str
    value: float

    def allows(self, figure: float) -> bool:
        """Tell whether a figure keeps the bound."""
        return SIGNS[self.sign](figure, self.value)

    def __str__(self) -> str:
        return f"{self.metric}{self.sign}{self.value:g}"


@dataclass(frozen=True)
class Experiment:
    """A space at one recipe's input and classes, with everything else its file says."""

    path: Path
    space: Space
    baselines: Mapping[str, Space]
    recipe: str | None
    shape: tuple[int, int, int]
    classes: int
    objectives: tuple[str, ...]
    limits: tuple[Limit, ...]
    published: Mapping[str, Any]
    prices: Prices

    @property
    def name(self) -> str:
        """The name of the space: its file's."""
        return self.path.stem

    @property
    def has_file(self) -> bool:
        """Tell whether the space was read from a file; one from a notebook has a bare name."""
        return bool(self.path.suffix)

    @property
    def recipe_value(self) -> Any:
        """The recipe of that name, deferred if choices stand in it."""
        return self.space.recipe

    @property
    def is_preview(self) -> bool:
        """Tell whether this is trained on a smaller network, or on fewer images, than is meant."""
        recipe = resolved(self.recipe_value)
        return recipe is not None and bool(recipe.overrides or recipe.images)

    def cost(self, architecture: Architecture) -> Cost:
        """Cost an architecture; a ValueError says why it is refused."""
        if architecture.refusal:
            raise ValueError(architecture.refusal)
        return self.prices(architecture.network)


def load(
    given: str,
    recipe: str | None = None,
    shape: tuple[int, int, int] | None = None,
    classes: int | None = None,
    limits: Iterable[str] = (),
    root: Path | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Experiment:
    """Put an experiment together; every mistake a user can make ends here, in one line.

    `changes` are fields of the recipe set from outside; a choice that stood there is none then.
    """
    path, held = read_space_file(given)
    with located(path):
        if changes:
            held = {**held, "recipes": changed(held["recipes"], recipe, changes)}
        return put_together(path, held, Asked(recipe, shape, classes, tuple(limits), root))


@dataclass(frozen=True)
class Asked:
    """What is asked for beyond the space file; input and classes stand before the recipe's."""

    recipe: str | None
    shape: tuple[int, int, int] | None
    classes: int | None
    limits: tuple[str, ...]
    root: Path | None


@contextmanager
def located(path: Path) -> Iterator[None]:
    """Say which space file an error is about."""
    try:
        yield
    except SpaceError as error:
        raise SpaceError(f"{path}: {error}") from None


def put_together(path: Path, held: Mapping[str, Any], asked: Asked) -> Experiment:
    """Set the recipe's arguments on the space and its baselines, and give both their costs."""
    chosen = recipe_named(held["recipes"], asked.recipe)
    first = resolved(chosen)
    known = images_of(first, asked) if first else None
    overrides = dict(first.overrides) if first else {}
    classes = asked.classes or (known.classes if known else None)
    size = known.size if known else 224
    shape = asked.shape or (3, size, size)
    prepare = partial(apply, overrides=overrides, known=known, classes=classes)
    space = prepare(held["space"])
    baselines = {
        name: prepare(baseline) for name, baseline in checked_baselines(held["baselines"]).items()
    }
    prices = Prices(shape, held["rules"])
    if chosen is not None:
        space = space.with_recipe(chosen)
    space = space.with_price(prices, baselines, prepare)
    baselines = {
        name: baseline.with_price(prices, baselines, prepare)
        for name, baseline in baselines.items()
    }
    return Experiment(
        path,
        space,
        baselines,
        asked.recipe,
        shape,
        classes or written_classes(space),
        tuple(metric_named(name, "objectives names", first) for name in held["objectives"]),
        tuple(limit(text) for text in [*held["limits"], *asked.limits]),
        held["published"],
        prices,
    )


def recipe_named(recipes: Mapping[str, Any], name: str | None) -> Any:
    """Return the recipe of a name, deferred if choices stand in it; None asks for none."""
    if name is None:
        return None
    if name not in recipes:
        known = f"it has {', '.join(recipes)}" if recipes else "it has none"
        raise SpaceError(f"no recipe {name!r}; {known}{near(name, recipes)}")
    recipe = recipes[name]
    if isinstance(recipe, Recipe) or (isinstance(recipe, partial) and recipe.func is Recipe):
        return recipe
    raise SpaceError(f"recipe {name!r} is a {type(recipe).__name__}, not a Recipe")


def changed(recipes: Any, name: str | None, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return recipes with some fields of the named one set to other values."""
    if name is None:
        raise SpaceError(f"there is no recipe to set {next(iter(changes))} in; name one")
    recipe = recipe_named(recipes, name)
    fields = [field.name for field in dataclasses.fields(Recipe)]
    for field in changes:
        if field not in fields:
            raise SpaceError(f"recipe {name!r} has no field {field!r}{near(field, fields)}")
    try:
        if isinstance(recipe, Recipe):
            return {**recipes, name: dataclasses.replace(recipe, **changes)}
        bound = inspect.signature(Recipe).bind_partial(*recipe.args, **recipe.keywords)
        recipe = partial(Recipe, **{**bound.arguments, **changes})
        resolved(recipe)
    except (TypeError, ValueError) as error:
        raise SpaceError(f"recipe {name!r}, changed: {error}") from None
    return {**recipes, name: recipe}


def resolved(recipe: Any) -> Recipe | None:
    """Return a recipe with the first option of each of its choices."""
    if recipe is None or isinstance(recipe, Recipe):
        return recipe
    space = Space(recipe)
    fixed = ("data", "overrides")
    if open_ones := [name for name in space.labels if name.partition(".")[0] in fixed]:
        raise SpaceError(f"recipe.{open_ones[0]} is a choice; data and network stay the same")
    first: Recipe = space.sample(lambda _, labels: labels[0]).build()
    return first


def images_of(recipe: Recipe, asked: Asked) -> Images:
    """Return the classes and size of a recipe's images; they need not be there where it is told."""
    try:
        return describe(recipe, asked.root)
    except (ValueError, OSError) as error:
        if asked.shape and asked.classes:
            return Images(asked.classes, asked.shape[2], stem_of(asked.shape[2]))
        raise SpaceError(f"{error}; or say --input 3x64x64 and --classes 10") from None


def apply(
    space: Space, overrides: Mapping[str, Any], known: Images | None, classes: int | None
) -> Space:
    """Set on a backbone what the recipe decides and the space leaves open."""
    accepted = keywords_of(space.backbone)
    given = dict(overrides)
    if known and (accepted is None or "stem" in accepted):
        given = {"stem": space.sites.get("stem", known.stem), **given}
    if classes and (accepted is None or "num_classes" in accepted):
        given["num_classes"] = classes
    for name in given:
        searched = [path for path in space.labels if path.partition(".")[0] == name]
        if searched:
            raise SpaceError(f"the recipe overrides {name!r}, which the space searches")
    return space.with_arguments(**given)


def checked_baselines(baselines: Any) -> Mapping[str, Space]:
    """Return the baselines, each one architecture."""
    for name, baseline in dict(baselines).items():
        if not isinstance(baseline, Space):
            raise SpaceError(f"baseline {name!r} is a {type(baseline).__name__}, not a Space")
        if baseline.size != 1:
            raise SpaceError(
                f"baseline {name!r} has {baseline.size} architectures; a baseline is one"
            )
    return dict(baselines)


def metric_named(name: str, where: str, recipe: Recipe | None = None) -> str:
    """Return a metric's own name; a recipe with its own loop may have metrics of its own."""
    name = ALIASES.get(name, name)
    if name not in METRICS and not (recipe and recipe.train):
        raise SpaceError(f"{where} {name!r}{near(name, METRICS) or f', not one of {METRICS}'}")
    return name


def limit(text: str) -> Limit:
    """Read a limit such as `macs<=1.3e9` or `params<26M`."""
    match = re.fullmatch(r"\s*(\w+)\s*(<=|>=|<|>)\s*([0-9.]+(?:[eE]\+?\d+)?)\s*([kMG]?)\s*", text)
    if not match:
        raise SpaceError(f"limit {text!r} does not read like 'macs<=1.3e9' or 'params<26M'")
    name, sign, number, unit = match.groups()
    factor = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit]
    return Limit(metric_named(name, f"limit {text!r} names"), sign, float(number) * factor)


def written_classes(space: Space) -> int:
    """Return the classes a space is written with: its own argument, else the backbone's default."""
    network = next(iter(space)).network
    if "num_classes" in network.keywords:
        return int(network.keywords["num_classes"])
    return 1000
