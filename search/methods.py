"""The methods paragraph: what was trained on what, how, with what, and how it was judged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from search.findings import Findings
from search.run_folder import RECORDED
from search.stamps import ON_TEST, PREVIEW, RECODED
from search.survey import RESOLUTION
from trials.recipe import Recipe

SETS = {
    "clutter": "clutter, scenes of 32×32 pixels painted from the UCI handwritten digits",
    "digits": "the UCI handwritten digits, 8×8 pixels",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "imagenet": "ImageNet",
}
OPTIMIZERS = {"sgd": "SGD", "adamw": "AdamW"}
COUNTING = (
    "FLOPs are multiply-accumulates of convolutions and matrix products for one image of "
    "{shape}, counted operator by operator on torch's meta device; parameters are all that are "
    "trained. Costs within {resolution:.0%} of each other count as equal"
)
OTHERS = "ptflops and thop are what those tools print"


def methods(findings: Findings, versions: Sequence[Mapping[str, str]] = ()) -> str:
    """Return a paragraph for a paper; `versions` are what the run folder noted, oldest first."""
    sentences = [
        *warnings(findings),
        *searched(findings),
        *trained(findings),
        *judged(findings),
        *counted(findings),
        *ended(findings),
        *made_with(findings, versions),
    ]
    return " ".join(f"{sentence}." for sentence in sentences)


def noted(folder: Path) -> list[dict[str, str]]:
    """Read what a run folder was made with; a run may have been read without being noted."""
    try:
        held = json.loads((folder / "versions.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [one for one in held if isinstance(one, dict)] if isinstance(held, list) else []


def warnings(findings: Findings) -> Iterator[str]:
    """Yield what a reader must know first."""
    if PREVIEW in findings.stamps:
        yield (
            f"{PREVIEW}: trained on a smaller network, or on fewer images, than is meant; the "
            "numbers show that all works and say little about the network itself"
        )
    if RECODED in findings.stamps:
        yield f"The images are a {RECODED}, not the original set"


def searched(findings: Findings) -> Iterator[str]:
    """Yield what varies and what is sought."""
    experiment = findings.experiment
    choices = list(experiment.space.labels)
    names = ", ".join(choices[:6]) + (f" and {len(choices) - 6} more" if len(choices) > 6 else "")
    count = f"{experiment.space.size:,} architectures" if choices else "one architecture"
    yield f"The space {experiment.name} holds {count}" + (
        f" by its choices {names}" * bool(choices)
    )
    goals = " and ".join(f"{goal.direction} {goal.metric}" for goal in findings.goals)
    limits = ", ".join(map(str, experiment.limits))
    yield f"The search is to {goals}{f' within {limits}' if limits else ''}"
    if experiment.baselines:
        yield f"Baselines, trained alike: {', '.join(experiment.baselines)}"


def trained(findings: Findings) -> Iterator[str]:
    """Yield data, schedule and seeds."""
    recipe = findings.recipe
    if recipe is None:
        return
    seeds = ", ".join(map(str, recipe.seeds))
    rate = f"{recipe.schedule} schedule from {recipe.lr:g}"
    yield (
        f"Recipe {findings.experiment.recipe!r}: {data(recipe)}, {recipe.epochs} epochs in batches "
        f"of {recipe.batch} by {OPTIMIZERS[recipe.optimizer]} "
        f"({momentum(recipe)}weight decay {recipe.weight_decay:g}), {rate}"
        f"{f' after {recipe.warmup} of warm-up' if recipe.warmup else ''}, "
        f"augmented by {', '.join(recipe.augment) or 'nothing'}"
        f"{f', label smoothing {recipe.label_smoothing:g}' if recipe.label_smoothing else ''}; "
        f"seed{'s' * (len(recipe.seeds) > 1)} {seeds}"
    )
    if recipe.overrides:
        changes = ", ".join(f"{name} = {value}" for name, value in recipe.overrides.items())
        yield f"The recipe changes the backbone: {changes}"
    open_ones = [
        name for name in findings.experiment.space.labels if name.partition(".")[0] == "recipe"
    ]
    if open_ones:
        yield f"Of the recipe itself the search chose {', '.join(open_ones)}"


def momentum(recipe: Recipe) -> str:
    """Return the momentum in words; AdamW has none of its own."""
    if recipe.optimizer != "sgd":
        return ""
    return f"{'Nesterov ' * recipe.nesterov}momentum {recipe.momentum:g}, "


def data(recipe: Recipe) -> str:
    """Return the training images in words."""
    if not isinstance(recipe.data, str):
        return f"data by {getattr(recipe.data, '__name__', 'a function')}"
    named = SETS.get(recipe.data, recipe.data)
    return f"{named}, {recipe.images:,} training images" if recipe.images else named


def judged(findings: Findings) -> Iterator[str]:
    """Yield how the score was taken."""
    recipe, metric = findings.recipe, findings.score.metric
    if ON_TEST in findings.stamps:
        yield f"The {metric} is the last epoch's on the test set: architectures were {ON_TEST}"
    elif recipe is not None:
        yield (
            f"The {metric} is the last epoch's on a validation split ({recipe.validation:.0%} of "
            "the training images unless the set brings one of its own), always the same and never "
            "trained on; the test set was not looked at"
        )
        yield (
            "What was chosen by this score looks better than it is: `search confirm` trains it "
            "again on fresh seeds"
        )
    if recipe is not None and recipe.ema:
        yield f"Weights averaged with decay {recipe.ema:g} are what is scored"
    if any(mean.n > 1 for mean in findings.means):
        yield "Given are mean and sample standard deviation over seeds"


def counted(findings: Findings) -> Iterator[str]:
    """Yield the convention of the costs."""
    shape = "×".join(map(str, findings.experiment.shape))
    yield COUNTING.format(shape=shape, resolution=RESOLUTION)
    if {"ptflops", "thop"} & set(findings.prices):
        yield OTHERS


def ended(findings: Findings) -> Iterator[str]:
    """Yield what became of the trials."""
    told = ", ".join(f"{count:,} {status}" for status, count in findings.counts.most_common())
    yield f"Trials: {told or 'none'}"
    epochs = sum(len(row.curve) for row in findings.rows)
    seconds = sum(row.seconds for row in findings.rows)
    yield f"All trainings together took {epochs:,} epochs and {duration(seconds)}"


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def made_with(findings: Findings, versions: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield hardware and software, as far as they were noted."""
    if not versions:
        yield "Hardware and software were not noted"
        return
    last = versions[-1]
    hardware = list(dict.fromkeys(held["hardware"] for held in versions if "hardware" in held))
    system = last.get("system", "system unknown")
    yield f"Hardware: {' and '.join(hardware) or 'not noted'}; {system}"
    named = ["python", *RECORDED]
    yield "Software: " + ", ".join(f"{name} {last[name]}" for name in named if name in last)
    if len(versions) > 1:
        yield f"The software changed {len(versions) - 1} times in the course of the study"
    timed = {"latency", "memory"} & set(findings.prices)
    if timed:
        yield f"{' and '.join(sorted(timed)).capitalize()} were measured on that hardware"
