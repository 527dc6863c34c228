"""Train every architecture of recorded_space.py over three seeds, and write down every epoch.

    python -m tests.benchmarks.record_table        about 45 CPU minutes on one core

Runs in one process and one thread. What is trained stands in `--progress`, line by line, so the
same command goes on where it was stopped; the table is written once everything is there.
"""

import argparse
import json
import lzma
import time
from pathlib import Path

import torch

from search.experiment import load
from trials import run
from trials.data import load as load_data

HERE = Path(__file__).parent
TABLE = HERE / "recorded.json.xz"


def recorded(progress: Path) -> dict[tuple[str, int], dict[str, object]]:
    """Read what has been trained; a line that was cut off is trained again."""
    done = {}
    for line in progress.read_text().splitlines() if progress.exists() else ():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        done[entry["key"], entry["seed"]] = entry
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--progress", type=Path, default=Path("recorded.jsonl"))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    experiment = load(str(HERE / "recorded_space.py"), "nine")
    recipe = experiment.space.recipe
    done = recorded(asked.progress)
    data = load_data(recipe)
    architectures = list(experiment.space)
    for seed in recipe.seeds:
        for architecture in architectures:
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
            with asked.progress.open("a") as file:
                file.write(json.dumps(entry) + "\n")
            print(len(done), dict(architecture.choices), entry, flush=True)
    rows = []
    for architecture in architectures:
        cost = experiment.cost(architecture)
        rows.append(
            {
                "choices": dict(architecture.choices),
                "macs": cost.macs,
                "params": cost.params,
                "curves": [done[architecture.key, seed]["curve"] for seed in recipe.seeds],
            }
        )
    document = {
        "data": data.provenance,
        "seeds": recipe.seeds,
        "cpu_seconds": round(sum(entry["seconds"] for entry in done.values())),
        "torch": torch.__version__,
        "rows": rows,
    }
    TABLE.write_bytes(lzma.compress(json.dumps(document).encode(), preset=9))


if __name__ == "__main__":
    main()
