"""What a short recipe reaches on CIFAR-10 with ResNet-18, over some seeds.

    python -m tests.benchmarks.accuracy --data folder:PATH [--epochs 30] [--seeds 3]
        [--device cuda] [--json]

PATH holds train/ and test/ with a folder of images for each of the ten classes; `cifar10` fetches
the original. Goal on a GPU: 94 % after 30 epochs. The test set scores and selects nothing.
"""

import argparse
import json
import platform
import time
from functools import partial
from statistics import mean, stdev

import torch

from modules import resnet18
from trials import Recipe, Setting, run
from trials.data import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    recipe = Recipe(
        data=asked.data,
        epochs=asked.epochs,
        batch=512,
        lr=0.4,
        warmup=min(3, asked.epochs - 1),
        label_smoothing=0.1,
        augment=("crop", "flip", "cutout"),
        images=asked.images,
        select_on_test=True,
    )
    data = load(recipe)
    network = partial(resnet18, stem="cifar", num_classes=len(data.classes))
    scores, seconds = [], []
    for seed in range(asked.seeds):
        started = time.perf_counter()
        result = run(network, recipe, seed, data, Setting(device=asked.device))
        assert result.score is not None, result
        scores.append(result.score)
        seconds.append(time.perf_counter() - started)
    cuda = asked.device != "cpu" and torch.cuda.is_available()
    document = {
        "data": data.provenance,
        "device": torch.cuda.get_device_name() if cuda else platform.processor(),
        "precision": result.precision,
        "epochs": asked.epochs,
        "test_accuracy_of_the_last_epoch": scores,
        "mean": mean(scores),
        "std": stdev(scores) if len(scores) > 1 else None,
        "seconds": seconds,
    }
    if asked.json:
        print(json.dumps(document, indent=1))
        return
    for key, value in document.items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    main()
