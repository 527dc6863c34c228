"""How long a run will take here: two networks timed for a few steps, the others by their cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from statistics import fmean

from search.experiment import Experiment, resolved
from spaces import Architecture
from trials.data import Data, load
from trials.pace import pace, seconds
from trials.recipe import Recipe

DRAWN = 200
"""How many networks of a large space stand for all of them."""
HELD = {"cifar10": 50_000, "cifar100": 50_000, "imagenet": 1_281_167}
"""Images of the sets that need not be here to be reckoned with, validation included."""


@dataclass(frozen=True)
class Forecast:
    """Seconds of a training: in the mean over the space, and of the dearest network."""

    mean: float
    longest: float


def forecast(
    experiment: Experiment, device: str = "auto", threads: int = 1, data: Data | None = None
) -> Forecast | None:
    """Time the cheapest and the dearest of some networks, and reckon with what lies between.

    None where it cannot be told: a loop of one's own, images that are not here, a broken network.
    """
    recipe = resolved(experiment.recipe_value)
    if recipe is None or recipe.train is not None:
        return None
    images = (len(data.train), len(data.validation)) if data else counted(recipe)
    if images is None:
        return None
    costed = sorted(
        ((cost, one) for one in some(experiment) if (cost := macs(experiment, one)) is not None),
        key=lambda pair: pair[0],
    )
    if not costed:
        return None
    (low, cheapest), (high, dearest) = costed[0], costed[-1]
    about = (recipe, experiment.shape, experiment.classes, device, threads)
    try:
        paces = [
            pace(one.network, *about)
            for one in ([cheapest] if low == high else [cheapest, dearest])
        ]
    except Exception:
        # whatever is wrong with a network is the result of its training
        return None
    first, last = seconds(paces[0], recipe, *images), seconds(paces[-1], recipe, *images)

    def between(cost: float) -> float:
        return first + (last - first) * (cost - low) / ((high - low) or 1)

    return Forecast(fmean(between(cost) for cost, _ in costed), max(first, last))


def some(experiment: Experiment) -> Iterable[Architecture]:
    """Yield the baselines and the architectures of a space, or some of a large one."""
    for baseline in experiment.baselines.values():
        yield from baseline
    space, random = experiment.space, Random(0)
    small = space.size <= DRAWN
    yield from space if small else (space.draw(random) for _ in range(DRAWN))


def macs(experiment: Experiment, architecture: Architecture) -> int | None:
    """Return a network's cost; None where it is refused."""
    try:
        return experiment.cost(architecture).macs
    except ValueError:
        return None


def counted(recipe: Recipe) -> tuple[int, int] | None:
    """Return how many images are learnt from and judged by, as far as that is known."""
    if isinstance(recipe.data, str) and recipe.data in HELD:
        whole = min(recipe.images or HELD[recipe.data], HELD[recipe.data])
        judged = round(whole * recipe.validation)
        return whole - judged, judged
    try:
        data = load(recipe)
    except (ValueError, OSError):
        return None
    return len(data.train), len(data.validation)


def words(duration: float) -> str:
    """Write a duration as a person says it."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if duration >= 2 * size:
            return f"{duration / size:.0f} {unit}"
    return f"{max(1.0, duration):.0f} s"
