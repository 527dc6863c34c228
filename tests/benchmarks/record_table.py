"""Train every architecture of recorded_space.py over three seeds, and write down every epoch.

    python -m tests.benchmarks.record_table        about 45 CPU minutes on one core

Runs in one process and one thread. What is trained stands in `--progress`, line by line, so the
same command goes on where it was stopped; the table is written once everything is there.
"""

import argparse
import json
import lzma
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from search.experiment import Experiment, load
from trials import run
from trials.data import load as load_data

HERE = Path(__file__).parent
TABLE = HERE / "recorded.json.xz"
Done = dict[tuple[str, int], dict[str, Any]]


def recorded(progress: Path) -> Done:
    """Read what has been trained; a line that was cut off is trained again."""
    done = {}
    for line in progress.read_text().splitlines() if progress.exists() else ():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        done[entry["key"], entry["seed"]] = entry
    return done


def train(experiment: Experiment, seeds: Iterable[int], done: Done, progress: Path) -> str:
    """Train what is missing, seed by seed, and return where the images come from."""
    recipe = experiment.space.recipe
    data = load_data(recipe)
    for seed in seeds:
        for architecture in experiment.space:
            if (architecture.key, seed) in done:
                continue
            started = time.process_time()
            result = run(architecture.network, recipe, seed, data)
            assert result.score is not None, result
            entry = {
                "key": architecture.key,
                "seed": seed,
                "seconds": round(time.process_time() - started, 2),
                "curve": [round(epoch.score, 4) for epoch in result.curve],
            }
            done[architecture.key, seed] = entry
            with progress.open("a") as file:
                file.write(json.dumps(entry) + "\n")
            print(len(done), dict(architecture.choices), entry["curve"][-1], flush=True)
    return data.provenance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--progress", type=Path, default=Path("recorded.jsonl"))
    parser.add_argument("--seeds", type=int, help="how many of the seeds, the first ones")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    experiment = load(str(HERE / "recorded_space.py"), "nine")
    seeds = experiment.space.recipe.seeds[: asked.seeds]
    done = recorded(asked.progress)
    provenance = train(experiment, seeds, done, asked.progress)
    rows = []
    for architecture in experiment.space:
        cost = experiment.cost(architecture)
        rows.append(
            {
                "choices": dict(architecture.choices),
                "macs": cost.macs,
                "params": cost.params,
                "curves": [done[architecture.key, seed]["curve"] for seed in seeds],
            }
        )
    document = {
        "data": provenance,
        "seeds": seeds,
        "cpu_seconds": round(
            sum(one["seconds"] for (_, seed), one in done.items() if seed in seeds)
        ),
        "torch": torch.__version__,
        "rows": rows,
    }
    TABLE.write_bytes(lzma.compress(json.dumps(document).encode(), preset=9))


if __name__ == "__main__":
    main()
