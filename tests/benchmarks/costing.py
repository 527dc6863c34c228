"""What a space costs to cost, beside the tools that cost one network at a time.

    python -m tests.benchmarks.costing [--draws 100000] [--peers 12] [--json]

`cold` is a fresh process from its start to the last of the drawn architectures; the rates are CPU
time in one process, building included. fvcore is left out where it is not installed.
"""

import argparse
import json
import lzma
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

import torch
from torch import Tensor, nn

from modules import CBAM, ECA, SE, SRM, SimAM, resnet50
from spaces import Architecture, Space, choice
from trials.cost import measure
from trials.price import Prices

SHAPE = (3, 32, 32)
MACRO = Path(__file__).parents[3] / "shared/data/nas-bench-macro_cifar10.json.xz"


def gate() -> object:
    """Offer 28 options at one stage."""
    return choice(
        None,
        ECA,
        SRM,
        partial(SE, reduction=choice(2, 4, 8, 16, 32)),
        partial(CBAM, reduction=choice(2, 4, 8, 16, 32), kernel=choice(3, 5, 7)),
        partial(SimAM, strength=choice(1e-4, 1e-3, 1e-2, 0.1, 1.0)),
    )


def gates() -> Space:
    """Return ResNet-50 with one of 28 gates at each of 4 stages: 614,656 networks."""
    return Space(resnet50, gate=[gate() for _ in range(4)], stem="cifar", num_classes=100)


def cold(draws: int) -> None:
    """Cost drawn architectures from nothing, and check 500 of them one by one."""
    space, prices, random = gates(), Prices(SHAPE), Random(0)
    costed = [(one, prices(one.network)) for one in (space.draw(random) for _ in range(draws))]
    print(json.dumps({"size": space.size, "costed": len(costed)}), flush=True)
    if "--check" in sys.argv:
        checked = Random(1).sample(costed, 500)
        equal = sum(measure(one.network, SHAPE) == cost for one, cost in checked)
        print(json.dumps({"checked": len(checked), "equal": equal}))


class Macro(nn.Sequential):
    """A layer of NAS-Bench-Macro: an inverted residual block."""

    def __init__(self, channels: int, out: int, stride: int, ratio: int, kernel: int) -> None:
        wide = ratio * channels
        super().__init__(
            nn.Conv2d(channels, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU(inplace=True),
            nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU(inplace=True),
            nn.Conv2d(wide, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.adds = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = super().forward(x)
        return x + y if self.adds else y


def skip(channels: int, out: int, stride: int) -> nn.Module:
    """Return the layer that does nothing, or only changes the shape."""
    if stride == 1 and channels == out:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))


def conv(channels: int, out: int, kernel: int) -> nn.Module:
    """Return convolution, norm and activation."""
    conv = nn.Conv2d(channels, out, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU(inplace=True))


def head(channels: int) -> nn.Module:
    """Return the last 1x1 convolution and the classifier."""
    pool = nn.AdaptiveAvgPool2d(1)
    return nn.Sequential(conv(channels, 1280, 1), pool, nn.Flatten(), nn.Linear(1280, 10))


class MacroNetwork:
    """The networks of NAS-Bench-Macro: stages of 2, 3 and 3 layers, each of three kinds."""

    __name__ = "macro"

    def plan(self, layers: list[Callable[..., nn.Module]]) -> dict[str, Callable[[], nn.Module]]:
        parts: dict[str, Callable[[], nn.Module]] = {"stem": partial(conv, 3, 32, 3)}
        channels = 32
        for index, layer in enumerate(layers):
            first = index in (0, 2, 5)
            out = channels * 2 if first else channels
            parts[f"layer{index}"] = partial(layer, channels, out, 2 if first else 1)
            channels = out
        return {**parts, "head": partial(head, channels)}

    def __call__(self, layers: list[Callable[..., nn.Module]]) -> nn.Module:
        return nn.Sequential(*(part() for part in self.plan(layers).values()))


def macro() -> dict[str, object] | None:
    """Compare with the published integers of all 6,561 networks, where the table is at hand."""
    if not MACRO.exists():
        return None
    table = json.loads(lzma.decompress(MACRO.read_bytes()))
    kinds = [skip, partial(Macro, ratio=3, kernel=3), partial(Macro, ratio=6, kernel=5)]
    prices, network = Prices(SHAPE), MacroNetwork()
    started = time.process_time()
    equal = sum(
        (cost.params, cost.macs) == (row["params"], row["flops"])
        for key, row in table.items()
        for cost in [prices(partial(network, [kinds[int(digit)] for digit in key]))]
    )
    return {"networks": len(table), "equal": equal, "seconds": time.process_time() - started}


def peers() -> dict[str, Callable[[nn.Module], object]]:
    """Return the tools that cost a network that is built."""
    import thop
    from ptflops import get_model_complexity_info
    from torch.utils.flop_counter import FlopCounterMode

    def flop_counter(network: nn.Module) -> object:
        with FlopCounterMode(display=False) as mode, torch.no_grad():
            network(torch.zeros(1, *SHAPE))
        return mode.get_total_flops()

    found: dict[str, Callable[[nn.Module], object]] = {
        "ptflops": lambda network: get_model_complexity_info(
            network, SHAPE, as_strings=False, print_per_layer_stat=False
        ),
        "thop": lambda network: thop.profile(network, (torch.zeros(1, *SHAPE),), verbose=False),
        "FlopCounterMode": flop_counter,
    }
    try:
        from fvcore.nn import FlopCountAnalysis
    except ImportError:
        return found
    found["fvcore"] = lambda network: (
        FlopCountAnalysis(network, torch.zeros(1, *SHAPE))
        .unsupported_ops_warnings(False)
        .uncalled_modules_warnings(False)
        .total()
    )
    return found


def rate(work: Callable[[Architecture], object], architectures: list[Architecture]) -> float:
    """Return architectures a second of CPU time."""
    work(architectures[0])
    started = time.process_time()
    for architecture in architectures[1:]:
        work(architecture)
    return (len(architectures) - 1) / (time.process_time() - started)


def rates(number: int) -> dict[str, float]:
    """Return the rates of every tool on the same networks, of ours on many more."""
    space, random = gates(), Random(2)
    few = [space.draw(random) for _ in range(number)]
    found = {
        name: rate(lambda one, count=count: count(one.build().eval()), few)  # type: ignore[misc]
        for name, count in peers().items()
    }
    many = [space.draw(random) for _ in range(20_000)]
    prices = Prices(SHAPE)
    found["ours, by addition"] = rate(lambda one: prices(one.network), [few[0], *many])
    # a class of its own has no plan: what is repeated in it is still counted once
    found["ours, any module"] = rate(lambda one: measure(lambda: one.build(), SHAPE), few)
    return found


def main() -> None:
    """Measure, and print a table or a document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=100_000)
    parser.add_argument("--peers", type=int, default=12, help="networks for each other tool")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cold", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.cold:
        cold(asked.draws)
        return
    command = [sys.executable, "-m", "tests.benchmarks.costing", "--cold"]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, "--draws", str(asked.draws)], capture_output=True, text=True, check=True
    )
    document: dict[str, object] = {"draws": asked.draws, "cold_s": time.perf_counter() - started}
    document |= json.loads(done.stdout)
    checked = subprocess.run(
        [*command, "--draws", "5000", "--check"], capture_output=True, text=True, check=True
    )
    document |= json.loads(checked.stdout.splitlines()[-1])
    found = rates(asked.peers)
    best = max(value for name, value in found.items() if not name.startswith("ours"))
    document["per_cpu_second"] = found
    document["times_the_best"] = {
        name: value / best for name, value in found.items() if name.startswith("ours")
    }
    document["nas_bench_macro"] = macro() or "the table is not here"
    if asked.json:
        print(json.dumps(document, indent=1))
        return
    for key, value in document.items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    main()
