"""What a preview costs, and what it can tell apart: every architecture of a space over some seeds.

    python -m tests.benchmarks.preview [--space mspa_s_omega] [--seeds 5] [--workers 2] [--json]

The wall time is of one seed of every architecture and baseline together, the CPU time of one
training, which other work on the machine changes less. Goal: 150 s for `mspa_s_omega` on two quiet
cores. Networks and seeds are the two ways of an analysis of variance, whose residual is the noise.
A choice is told apart where its means differ by more than that noise explains; that is said of the
networks that have the choice, each of its options with all the others' mixtures.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, variance

from scipy.stats import f, t

LEVEL = 0.05


@dataclass(frozen=True)
class Scores:
    """One network over the seeds; `seconds` of CPU time are the mean of its trainings."""

    name: str
    choices: Mapping[str, object]
    accuracies: tuple[float, ...]
    seconds: float


@dataclass(frozen=True)
class Contrast:
    """Means by option, how likely so much difference is by noise, and what could be seen at all."""

    means: dict[str, float]
    p_of_no_difference: float
    least_difference_seen: float


def train(space: str, name: str, choices: dict[str, object], seed: int) -> tuple[float, float]:
    import torch

    from search.experiment import load
    from trials import run

    torch.set_num_threads(1)
    experiment = load(space, "preview")
    held = experiment.baselines[name] if name else experiment.space
    architecture = held.at(choices)
    started = time.process_time()
    result = run(architecture.network, experiment.space.recipe, seed)
    assert result.score is not None, result
    return result.score, time.process_time() - started


def measured(space: str, seeds: int, workers: int) -> tuple[list[Scores], list[float]]:
    from search.experiment import load
    from search.survey import names

    experiment = load(space, "preview")
    networks = [(name, dict(next(iter(b)).choices)) for name, b in experiment.baselines.items()]
    networks += [("", dict(architecture.choices)) for architecture in experiment.space]
    titles = [name or names(experiment.space.at(choices)) for name, choices in networks]
    walls, rounds = [], []
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for seed in range(seeds):
            started = time.perf_counter()
            jobs = [(space, name, choices, seed) for name, choices in networks]
            rounds.append(pool.starmap(train, jobs, chunksize=1))
            walls.append(time.perf_counter() - started)
            told = " ".join(f"{score:.3f}" for score, _ in rounds[-1])
            print(f"seed {seed}: {walls[-1]:.0f} s: {told}", file=sys.stderr, flush=True)
    scores = [
        Scores(
            title,
            {} if name else choices,
            tuple(score for score, _ in runs),
            fmean(seconds for _, seconds in runs),
        )
        for title, (name, choices), runs in zip(
            titles, networks, zip(*rounds, strict=True), strict=True
        )
    ]
    return scores, walls


def noise(table: Sequence[Sequence[float]]) -> tuple[float, int]:
    """Return the residual variance of rows and columns that add up, and its degrees of freedom."""
    rows, columns = (
        [fmean(row) for row in table],
        [fmean(column) for column in zip(*table, strict=True)],
    )
    whole = fmean(rows)
    left = sum(
        (cell - row - column + whole) ** 2
        for cells, row in zip(table, rows, strict=True)
        for cell, column in zip(cells, columns, strict=True)
    )
    freedom = (len(rows) - 1) * (len(columns) - 1)
    return left / freedom, freedom


def contrast(groups: Mapping[str, Sequence[Scores]], residual: float, freedom: int) -> Contrast:
    """Compare groups of networks by their means, against the noise."""
    means = {
        name: fmean(x for one in group for x in one.accuracies) for name, group in groups.items()
    }
    runs = {name: sum(len(one.accuracies) for one in group) for name, group in groups.items()}
    whole = sum(runs[name] * means[name] for name in groups) / sum(runs.values())
    between = sum(runs[name] * (means[name] - whole) ** 2 for name in groups) / (len(groups) - 1)
    fewest = min(runs.values())
    least = float(t.isf(LEVEL / 2, freedom)) * (2 * residual / fewest) ** 0.5
    return Contrast(means, float(f.sf(between / residual, len(groups) - 1, freedom)), least)


def contrasts(scores: Sequence[Scores], residual: float, freedom: int) -> dict[str, Contrast]:
    """Compare all networks with each other, then the options of every choice."""
    found = {"network": contrast({one.name: [one] for one in scores}, residual, freedom)}
    for path in dict.fromkeys(path for one in scores for path in one.choices):
        groups: dict[str, list[Scores]] = {}
        for one in scores:
            if path in one.choices:
                groups.setdefault(str(one.choices[path]), []).append(one)
        if len(groups) > 1:
            found[path] = contrast(groups, residual, freedom)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--space", default="mspa_s_omega")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    scores, walls = measured(asked.space, asked.seeds, asked.workers)
    document: dict[str, object] = {
        "space": asked.space,
        "workers": asked.workers,
        "networks": [asdict(one) for one in scores],
        "wall_s_of_a_seed": walls,
        "cpu_s_of_a_training": fmean(one.seconds for one in scores),
    }
    if asked.seeds > 1:
        residual, freedom = noise([one.accuracies for one in scores])
        found = contrasts(scores, residual, freedom)
        means = [fmean(one.accuracies) for one in scores]
        document["seed_noise"] = residual**0.5
        document["spread_of_means"] = variance(means) ** 0.5
        document["spread_by_noise_alone"] = (residual / asked.seeds) ** 0.5
        document["contrasts"] = {name: asdict(one) for name, one in found.items()}
    print(json.dumps(document, indent=1) if asked.json else text(scores, document))


def text(scores: Sequence[Scores], document: Mapping[str, object]) -> str:
    lines = []
    for one in sorted(scores, key=lambda one: -fmean(one.accuracies)):
        runs = " ".join(f"{accuracy:.3f}" for accuracy in one.accuracies)
        mean = fmean(one.accuracies)
        lines.append(f"{mean:.3f}  [{runs}]  {one.seconds:5.1f} s of CPU  {one.name}")
    skipped = ("networks", "space", "contrasts")
    lines += [f"{key}: {value}" for key, value in document.items() if key not in skipped]
    for name, one in document.get("contrasts", {}).items():
        p, least = one["p_of_no_difference"], one["least_difference_seen"]
        verdict = "told apart" if p < LEVEL else "not told apart"
        means = "  ".join(f"{option}: {mean:.3f}" for option, mean in one["means"].items())
        listed = "" if name == "network" else f"  {means}"
        lines.append(f"{name}: {verdict}, p = {p:.2g}; two differ from {least:.3f} up{listed}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
