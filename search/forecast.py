"""How long a run will take here: two networks timed for a few steps, the others by their cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from statistics import fmean

from search.experiment import Experiment, resolved
from search.job import Job
from search.place import Place
from search.worker import Bench, paces
from search.workers import Workers
from spaces import Architecture
from trials.data import Data, load
from trials.pace import seconds
from trials.recipe import Recipe

DRAWN = 200
"""How many networks of a large space stand for all of them."""
HELD = {"cifar10": 50_000, "cifar100": 50_000, "imagenet": 1_281_167}
"""Images of the sets that need not be here to be reckoned with, validation included."""

Named = tuple[str, Architecture]
"""A baseline's name, or an empty one, and a network."""


@dataclass(frozen=True)
class Forecast:
    """Seconds of a training: in the mean over the space, and of the dearest network."""

    mean: float
    longest: float


def forecast(
    place: Place,
    device: str = "auto",
    threads: int = 1,
    data: Data | None = None,
    workers: Workers | None = None,
) -> Forecast | None:
    """Time the cheapest and the dearest of some networks, and reckon with what lies between.

    It is done by one of the workers, or by a process of its own: what crashes there crashes alone.
    None where it cannot be told: a loop of one's own, images that are not here, a broken network.
    """
    recipe = resolved(place.experiment.recipe_value)
    if recipe is None or recipe.train is not None:
        return None
    images = (len(data.train), len(data.validation)) if data else counted(recipe)
    if images is None:
        return None
    costed = sorted(priced(place.experiment), key=lambda entry: entry[0])
    if not costed:
        return None
    low, high = costed[0][0], costed[-1][0]
    ends = costed[:1] if low == high else [costed[0], costed[-1]]
    jobs = [job(place, name, one, device, threads) for _, name, one in ends]
    if place.experiment.has_file:
        timed = (workers or Workers(0)).paces(jobs)
    else:
        timed = paces(jobs, Bench(place.experiment))
    if timed is None:
        return None
    first, last = (seconds(one, recipe, *images) for one in (timed[0], timed[-1]))

    def between(cost: float) -> float:
        return first + (last - first) * (cost - low) / ((high - low) or 1)

    return Forecast(fmean(between(cost) for cost, _, _ in costed), max(first, last))


def job(place: Place, name: str, architecture: Architecture, device: str, threads: int) -> Job:
    """Write down how a network is found again; nothing is trained, so there is no folder."""
    held = place.experiment
    file = place.folder.space if place.is_there and held.has_file else held.path
    return Job(
        number=0,
        space=str(file.resolve()),
        recipe=held.recipe or "",
        choices=dict(architecture.choices),
        baseline=name,
        seed=0,
        folder="",
        shape=held.shape,
        classes=held.classes,
        device=device,
        threads=threads,
        changes=dict(place.changes),
    )


def priced(experiment: Experiment) -> Iterator[tuple[int, str, Architecture]]:
    """Yield MACs, name and network of what is not refused."""
    for name, architecture in some(experiment):
        try:
            yield experiment.cost(architecture).macs, name, architecture
        except ValueError:
            continue


def some(experiment: Experiment) -> Iterator[Named]:
    """Yield the baselines and the architectures of a space, or some of a large one."""
    for name, baseline in experiment.baselines.items():
        yield from ((name, one) for one in baseline)
    space, random = experiment.space, Random(0)
    small = space.size <= DRAWN
    searched = space if small else (space.draw(random) for _ in range(DRAWN))
    yield from (("", one) for one in searched)


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
