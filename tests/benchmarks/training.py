"""Images per second of our training loop beside the usual scripts: same network, batch and steps.

    python -m tests.benchmarks.training                 one CPU core, about two minutes
    python -m tests.benchmarks.training --device cuda   one GPU: ResNet-20 with SE, and ResNet-18

The usual script is the one most CIFAR repositories started from: PIL transforms in a DataLoader,
fp32, `.item()` at every step. On a GPU a good one stands beside it: mixed precision, channels
last, eight loader workers, no waiting. All take turns; a row is the median of its epochs, on the
CPU in process time, so that other work on the machine does not count.
"""

import argparse
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from modules.attention.se import SE
from modules.backbones.resnet import resnet18, resnet20
from trials.batches import Batches
from trials.device import precision, quick_bf16
from trials.recipe import Recipe
from trials.split import Split
from trials.train import Training

BATCH = 128
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
Epoch = Callable[[], float]
Build = Callable[[], nn.Module]
Row = dict[str, Any]
Loader = DataLoader[tuple[Tensor, int]]


def seeded(build: Build) -> Build:
    """Let every contestant start from the same weights."""

    def start() -> nn.Module:
        torch.manual_seed(0)
        return build()

    return start


def images(count: int) -> Split:
    """Draw one colour pattern per class under noise: enough for a loss to fall."""
    noise = torch.Generator().manual_seed(0)
    patterns = torch.randint(0, 256, (10, 3, 32, 32), generator=noise)
    labels = torch.randint(0, 10, (count,), generator=noise)
    drawn = patterns[labels] + torch.randint(-99, 99, (count, 3, 32, 32), generator=noise)
    return Split(drawn.clamp(0, 255).to(torch.uint8), labels)


class Pictures(Dataset[tuple[Tensor, int]]):
    """torchvision's CIFAR10 class, which makes a PIL image of every array it is asked for."""

    def __init__(self, split: Split, transform: Callable[[Image.Image], Tensor]) -> None:
        self.arrays = split.images.permute(0, 2, 3, 1).contiguous().numpy()
        self.labels = split.labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.arrays[index])), self.labels[index]


def loader(split: Split, workers: int, pinned: bool = False) -> Loader:
    transform = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )
    return DataLoader(
        Pictures(split, transform),
        BATCH,
        shuffle=True,
        num_workers=workers,
        drop_last=True,
        pin_memory=pinned,
        persistent_workers=workers > 0,
    )


class Same:
    """The batches that our loop sees, for the usual script."""

    def __init__(self, split: Split) -> None:
        self.batches = learnt(split, torch.device("cpu"))
        self.order = torch.Generator().manual_seed(0)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.batches.epoch(self.order)


def usual(build: Build, batches: Same | Loader, device: torch.device) -> Epoch:
    network = build().to(device)
    optimizer = torch.optim.SGD(network.parameters(), 0.1, 0.9, weight_decay=5e-4)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> float:
        network.train()
        total, correct = 0.0, 0
        for inputs, targets in batches:
            inputs, targets = inputs.to(device), targets.to(device)
            optimizer.zero_grad()
            outputs = network(inputs)
            loss = criterion(outputs, targets)
            loss.backward()
            optimizer.step()
            total += loss.item()
            correct += outputs.max(1)[1].eq(targets).sum().item()
        return total / len(batches)

    return epoch


def good(build: Build, split: Split, device: torch.device) -> Epoch:
    network = build().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), 0.1, 0.9, weight_decay=5e-4, fused=True)
    batches = loader(split, 8, pinned=True)

    def epoch() -> float:
        network.train()
        total = torch.zeros((), device=device)
        for inputs, targets in batches:
            inputs = inputs.to(device, non_blocking=True, memory_format=torch.channels_last)
            targets = targets.to(device, non_blocking=True)
            with torch.autocast(device.type, torch.bfloat16):
                loss = F.cross_entropy(network(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return total.item() / len(batches)

    return epoch


def ours(build: Build, split: Split, device: torch.device, wanted: str) -> Epoch:
    recipe = Recipe(epochs=1000, batch=BATCH, nesterov=False, precision=wanted)
    training = Training(build(), recipe, 0, device, 10)
    return partial(training.epoch, 1, learnt(split, device), math.inf)


def learnt(split: Split, device: torch.device) -> Batches:
    return Batches(split, BATCH, ("crop", "flip"), MEAN, STD, device, torch.float32)


def difference(build: Build, split: Split) -> float:
    """Give both loops the same batches in fp32; return how far their losses are apart at most."""
    device = torch.device("cpu")
    theirs, mine = usual(build, Same(split), device), ours(build, split, device, "fp32")
    pairs = [(theirs(), mine()) for _ in range(3)]
    return max(abs(one - other) / one for one, other in pairs)


def measure(contestants: dict[str, Epoch], count: int, rounds: int, clock: Callable[[], float]):
    """Let all take turns, after one epoch each to warm up; return rates and last losses."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    losses = {}
    for turn in range(rounds + 1):
        for name, epoch in contestants.items():
            started = clock()
            losses[name] = epoch()
            if turn:
                seconds[name].append(clock() - started)
    steps = count // BATCH * BATCH
    rates = {name: steps / statistics.median(taken) for name, taken in seconds.items()}
    return rates, losses


def on_cpu(build: Build, split: Split, rounds: int) -> list[Row]:
    device = torch.device("cpu")
    auto = str(precision("auto", device)).removeprefix("torch.")
    contestants = {
        "usual script": usual(build, loader(split, 0), device),
        "ours, fp32": ours(build, split, device, "fp32"),
        f"ours, auto ({auto})": ours(build, split, device, "auto"),
    }
    targets = [None, 1.2, 1.8 if quick_bf16() else 1.2]
    rates, losses = measure(contestants, len(split), rounds, time.process_time)
    return rows("ResNet-20", rates, losses, targets)


def on_gpu(split: Split, rounds: int) -> list[Row]:
    device = torch.device("cuda")
    small = seeded(partial(resnet20, gate=SE, stem="cifar", num_classes=10))
    large = seeded(partial(resnet18, stem="cifar", num_classes=10))
    table = []
    for name, build, peer, target in (
        ("ResNet-20 + SE", small, usual(small, loader(split, 2), device), 5.0),
        ("ResNet-18", large, good(large, split, device), 1.3),
    ):
        contestants = {
            "usual script, 2 workers" if target == 5.0 else "good script, 8 workers": peer,
            "ours, auto": ours(build, split, device, "auto"),
        }
        rates, losses = measure(contestants, len(split), rounds, synchronised)
        table += rows(name, rates, losses, [None, target])
    return table


def synchronised() -> float:
    torch.cuda.synchronize()
    return time.perf_counter()


def rows(
    network: str, rates: dict[str, float], losses: dict[str, float], targets: list[float | None]
) -> list[Row]:
    peer = next(iter(rates.values()))
    return [
        {
            "network": network,
            "loop": name,
            "images_per_second": round(rate, 1),
            "ratio": round(rate / peer, 2),
            "target": target,
            "loss": round(losses[name], 4),
        }
        for (name, rate), target in zip(rates.items(), targets, strict=True)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--images", type=int, help="in an epoch (1024 on a CPU, 50000 on a GPU)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    torch.set_num_threads(1)
    build = seeded(partial(resnet20, stem="cifar", num_classes=10))
    if given.device == "cpu":
        table = on_cpu(build, images(given.images or 1024), given.rounds)
    else:
        table = on_gpu(images(given.images or 50_000), given.rounds)
    apart = difference(build, images(512))
    machine = {"machine": platform.machine(), "device": given.device, "torch": torch.__version__}
    if given.json:
        document = {**machine, "batch": BATCH, "rows": table, "same_batches_apart": apart}
        print(json.dumps(document, indent=2))
    else:
        print(f"batch {BATCH}, median of {given.rounds} epochs, {machine}")
        for row in table:
            goal = f"goal {row['target']}x" if row["target"] else ""
            print(
                f"{row['network']:16}{row['loop']:26}{row['images_per_second']:>10} images/s"
                f"{row['ratio']:>7}x  loss {row['loss']:<8} {goal}"
            )
        print(f"the same batches in fp32: losses of 3 epochs at most {apart:.1e} apart")
    missed = any(row["target"] and row["ratio"] < row["target"] for row in table)
    return int(missed or apart > 0.01)


if __name__ == "__main__":
    sys.exit(main())
