"""The base width omega at which MSPANet-50 costs what ResNet-50 does on CIFAR-100, per scales.

python -m tests.benchmarks.fitting            half a minute on one core; nothing is trained
python -m tests.benchmarks.fitting --json
"""

import argparse
import json
from functools import partial

from modules.attention.mspa import MSPA
from modules.backbones.resnet import resnet50
from spaces import Space, choice, fit
from trials.price import Prices


def fitted() -> list[dict[str, float | int | str]]:
    """Return ResNet-50's row, then one for each number of scales with its solved omega."""
    prices = Prices((3, 32, 32))
    cifar = partial(resnet50, stem="cifar", num_classes=100)
    plain = Space(cifar)
    mix = partial(MSPA, scales=choice(2, 3, 4, 5), omega=fit(range(8, 65), macs=plain))
    space = Space(cifar, mix=mix).with_price(prices)
    base = prices(next(iter(plain)).network)
    rows: list[dict[str, float | int | str]] = [
        {"network": "ResNet-50", "params": base.params, "macs": base.macs, "of_resnet50": 1.0}
    ]
    for architecture in space:
        cost = prices(architecture.network)
        scales, omega = architecture.choices["mix.scales"], architecture.choices["mix.omega"]
        rows.append(
            {
                "network": f"MSPANet-50, s = {scales}",
                "s": scales,
                "omega": omega,
                "params": cost.params,
                "macs": cost.macs,
                "of_resnet50": cost.macs / base.macs,
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    rows = fitted()
    if parser.parse_args().json:
        print(json.dumps(rows, indent=1))
        return
    print("| network | omega | params | macs | % of ResNet-50 |")
    print("|---|---:|---:|---:|---:|")
    for row in rows:
        figures = f"{row['params']:,} | {row['macs']:,} | {row['of_resnet50']:.2%}"
        print(f"| {row['network']} | {row.get('omega', '')} | {figures} |")


if __name__ == "__main__":
    main()
