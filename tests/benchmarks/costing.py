"""How fast networks are costed, beside the tools that count one at a time.

    python -m tests.benchmarks.costing            a minute on one core
    python -m tests.benchmarks.costing --json     the same as one document

- `cold`: a fresh process, from its start to the cost of the last of 100,000 networks drawn from
  614,656. 500 of them, drawn at random, are then counted one by one.
- `rates`: networks a CPU second in one process, building included, by addition and by the other
  tools, on the same networks. Other tools' figures are the medians of a few.
- `wide` and `narrow`: the same of bottleneck ResNets of random depths without a plan, where a block
  that is repeated is counted once: as wide as ResNet-50 at 224x224, as ResNet-164 at 32x32. In the
  latter most of the time goes into building a network, which is nobody's to save.
- `macro`: how many of the 6,561 networks of NAS-Bench-Macro cost what was published.

fvcore is left out where it is not installed, the table where it is not beside the project.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from random import Random
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from modules import CBAM, ECA, SE, SRM, SimAM, resnet50, resnet164
from spaces import Space, choice
from tests.benchmarks.macro import KINDS, macro, published
from trials.cost import measure
from trials.price import Prices

SHAPE = (3, 32, 32)
DRAWN, CHECKED = 100_000, 500
MANY, FEW = 20_000, 12
TITLES = {
    "rates": "of that space",
    "wide": "without a plan, as wide as ResNet-50",
    "narrow": "without a plan, as wide as ResNet-164",
}
Build = Callable[[], nn.Module]
Shape = tuple[int, int, int]
Tool = Callable[[Build, Shape], object]


def gate() -> object:
    """Offer 28 options."""
    return choice(
        None,
        ECA,
        SRM,
        partial(SE, reduction=choice(2, 4, 8, 16, 32)),
        partial(CBAM, reduction=choice(2, 4, 8, 16, 32), kernel=choice(3, 5, 7)),
        partial(SimAM, strength=choice(1e-4, 1e-3, 1e-2, 0.1, 1.0)),
    )


def gates() -> Space:
    """Return ResNet-50 with one of 28 gates at each of its 4 stages."""
    return Space(resnet50, gate=[gate() for _ in range(4)], stem="cifar", num_classes=100)


class Planless(nn.Module):
    """A network as anybody writes one: nothing about it is known but that it is a module."""

    def __init__(self, network: Build) -> None:
        super().__init__()
        self.network = network()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.network(x)
        return y


def planless(random: Random, network: Callable[..., nn.Module], stages: int, most: int) -> Build:
    """Draw a bottleneck ResNet with 2 to `most` blocks and a gate at each stage."""
    depths = tuple(random.randint(2, most) for _ in range(stages))
    held = [random.choice((None, SE, ECA, CBAM, SimAM, SRM)) for _ in range(stages)]
    return partial(Planless, partial(network, depths=depths, gate=held))


def cold() -> None:
    """Cost drawn networks and say when it is done; then check some of them one by one."""
    space, prices, random = gates(), Prices(SHAPE), Random(0)
    chosen = set(Random(1).sample(range(DRAWN), CHECKED))
    kept = []
    for index in range(DRAWN):
        architecture = space.draw(random)
        cost = prices(architecture.network)
        if index in chosen:
            kept.append((architecture, cost))
    print(json.dumps({"size": space.size, "costed": DRAWN}), flush=True)
    equal = sum(measure(architecture.build, SHAPE) == cost for architecture, cost in kept)
    print(json.dumps({"checked": len(kept), "equal": equal}))


def timed_cold() -> dict[str, Any]:
    """Run `cold` in a process of its own, by the clock."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "tests.benchmarks.costing", "--cold"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        done = json.loads(process.stdout.readline())
        seconds = time.perf_counter() - started
        return {"seconds": seconds, **done, **json.loads(process.stdout.readline())}


def tools() -> dict[str, Tool]:
    """Return the other tools, each called as its README does."""
    import thop
    from ptflops import get_model_complexity_info

    def ptflops(build: Build, shape: Shape) -> object:
        return get_model_complexity_info(
            build(), shape, as_strings=False, print_per_layer_stat=False
        )

    def profile(build: Build, shape: Shape) -> object:
        return thop.profile(build(), (torch.zeros(1, *shape),), verbose=False)

    def flop_counter(build: Build, shape: Shape, device: str = "cpu") -> object:
        with torch.device(device):
            network, image = build().eval(), torch.zeros(1, *shape)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(image)
        return counter.get_total_flops()

    found: dict[str, Tool] = {
        "ptflops": ptflops,
        "thop": profile,
        "FlopCounterMode": flop_counter,
        "FlopCounterMode, meta": partial(flop_counter, device="meta"),
    }
    try:
        from fvcore.nn import FlopCountAnalysis
    except ImportError:
        return found

    def fvcore(build: Build, shape: Shape) -> object:
        counted = FlopCountAnalysis(build().eval(), torch.zeros(1, *shape))
        counted.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        return counted.total()

    return {**found, "fvcore": fvcore}


def rate(tool: Tool, builds: Sequence[Build], shape: Shape) -> float:
    """Return networks a CPU second, from the median; the first one warms up."""
    seconds = []
    for build in builds:
        started = time.process_time()
        with redirect_stdout(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tool(build, shape)
        seconds.append(time.process_time() - started)
    return 1 / statistics.median(seconds[1:])


def added(space: Space, random: Random) -> float:
    """Return networks a CPU second by addition, everything counted that is new on the way."""
    prices, drawn = Prices(SHAPE), [space.draw(random) for _ in range(MANY)]
    started = time.process_time()
    for architecture in drawn:
        prices(architecture.network)
    return MANY / (time.process_time() - started)


def beside(ours: float, builds: Sequence[Build], shape: Shape) -> dict[str, Any]:
    """Return our rate, those of the other tools, and how many times the best of them ours is."""
    rates = {name: rate(tool, builds, shape) for name, tool in tools().items()}
    return {"ours": ours, **rates, "times_the_best": ours / max(rates.values())}


def counted(builds: Sequence[Build], shape: Shape) -> dict[str, Any]:
    """Compare on networks without a plan."""
    return beside(rate(measure, builds, shape), builds, shape)


def as_published() -> dict[str, int]:
    """Compare with the published integers, where they are at hand."""
    table, prices = published(), Prices(SHAPE)
    costs = {key: prices(partial(macro, [KINDS[digit] for digit in key])) for key in table}
    equal = sum(
        (costs[key].params, costs[key].macs) == (row["params"], row["flops"])
        for key, row in table.items()
    )
    return {"networks": len(table), "equal": equal}


def measured() -> dict[str, Any]:
    """Measure everything."""
    space, random = gates(), Random(2)
    few = [space.draw(random).build for _ in range(FEW)]
    wide = [planless(random, resnet50, 4, 6) for _ in range(FEW)]
    narrow = [planless(random, resnet164, 3, 18) for _ in range(FEW)]
    return {
        "cold": timed_cold(),
        "rates": beside(added(space, random), few, SHAPE),
        "wide": counted(wide, (3, 224, 224)),
        "narrow": counted(narrow, SHAPE),
        "macro": as_published(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--cold", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.cold:
        cold()
        return
    found = measured()
    if asked.json:
        print(json.dumps(found, indent=1))
        return
    done = found["cold"]
    print(f"cold start to {done['costed']:,} of {done['size']:,} networks: {done['seconds']:.1f} s")
    print(f"counted one by one, {done['equal']} of {done['checked']} are the same integers")
    for key, title in TITLES.items():
        print(f"\nnetworks a CPU second, {title}:")
        for name, value in found[key].items():
            print(f"  {name:22} {value:10,.1f}")
    table = found["macro"]
    print(f"\nNAS-Bench-Macro: {table['equal']:,} of {table['networks']:,} as published")


if __name__ == "__main__":
    main()
