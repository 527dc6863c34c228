"""What a preview costs, and what it can tell apart: every architecture of a space over some seeds.

    python -m tests.benchmarks.preview [--space mspa_s_omega] [--seeds 5] [--workers 2] [--json]

The wall time is of one seed of every architecture and baseline together. An effect counts as seen
where the spread of the means is beyond what the noise of the seeds alone would make of it.
"""

import argparse
import json
import multiprocessing
import time
from dataclasses import asdict, dataclass
from statistics import mean, stdev

from scipy.stats import f_oneway


@dataclass(frozen=True)
class Scores:
    """One network over the seeds."""

    name: str
    accuracies: tuple[float, ...]
    seconds: float


def train(space: str, name: str, choices: dict[str, object], seed: int) -> tuple[float, float]:
    import torch

    from search.experiment import load
    from trials import run

    torch.set_num_threads(1)
    experiment = load(space, "preview")
    held = experiment.baselines[name] if name else experiment.space
    architecture = held.at(choices)
    started = time.perf_counter()
    result = run(architecture.network, experiment.space.recipe, seed)
    assert result.score is not None, result
    return result.score, time.perf_counter() - started


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
    scores = [
        Scores(title, tuple(score for score, _ in runs), mean(seconds for _, seconds in runs))
        for title, runs in zip(titles, zip(*rounds, strict=True), strict=True)
    ]
    return scores, walls


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
    }
    if asked.seeds > 1:
        noise = mean(stdev(one.accuracies) ** 2 for one in scores) ** 0.5
        document["seed_noise"] = noise
        document["spread_of_means"] = stdev(mean(one.accuracies) for one in scores)
        document["spread_by_noise_alone"] = noise / asked.seeds**0.5
        document["p_of_no_difference"] = float(f_oneway(*(one.accuracies for one in scores)).pvalue)
    if asked.json:
        print(json.dumps(document, indent=1))
        return
    for one in sorted(scores, key=lambda one: -mean(one.accuracies)):
        runs = " ".join(f"{accuracy:.3f}" for accuracy in one.accuracies)
        print(f"{mean(one.accuracies):.3f}  [{runs}]  {one.seconds:5.1f} s  {one.name}")
    for key, value in document.items():
        if key not in ("networks", "space"):
            print(f"{key}: {value}")


if __name__ == "__main__":
    main()
