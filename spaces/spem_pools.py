"""ResNet-164: which global pools should SPEM mix, and how hard is the mixture held down?

SPEM (https://arxiv.org/abs/2208.10322) mixes the maximum with the minimum, and adds alpha times the
squares of the mixing parameters to the loss; a single pool has nothing to mix. 19 architectures,
all at 1.8 million parameters and 0.248 billion MACs on CIFAR-100, neither of which is a price: the
second objective is latency, as measured. With the maximum and the minimum the paper gains 1.4
points on CIFAR-10 and 2.0 on CIFAR-100.

    search show spem_pools --recipe cifar100 --measure cpu
    search show spem_pools --paper
"""

from dataclasses import replace
from functools import partial

from modules import SPEM, resnet164
from spaces import Space, choice
from spaces.table import Row, Table
from trials import preview
from trials.papers import spem

mixed = partial(
    SPEM,
    pools=choice(("max", "min"), ("max", "avg"), ("min", "avg"), ("max", "min", "avg")),
    alpha=choice(0.0, 0.01, 0.1, 1.0),
)
single = partial(SPEM, pools=choice(("max",), ("min",), ("avg",)), alpha=0.0)

space = Space(resnet164, gate=choice(mixed=mixed, single=single))
baselines = {"ResNet-164": Space(resnet164)}
objectives = ["accuracy", "latency"]
recipes = {
    # SPEM starts with gates of 0.03, and so needs longer; crops keep it from learning by heart
    "preview": replace(preview(lr=0.05), epochs=20, augment=("crop",)),
    "cifar10": replace(spem, select_on_test=False),
    "cifar100": replace(spem, data="cifar100", select_on_test=False),
}


def results(data: str, plain: str, gated: str) -> Table:
    """Return what the README of the released code prints: accuracies alone."""
    rows = (
        Row("ResNet-164", Space(resnet164), accuracy=plain),
        Row("ResNet-164 + SPEM", Space(resnet164, gate=SPEM), accuracy=gated),
    )
    return Table("Zhong et al. 2023, the released code's README", data, "ptflops 0.6", rows)


published = {
    "CIFAR-10": results("cifar10", "93.39", "94.80"),
    "CIFAR-100": results("cifar100", "74.30", "76.31"),
}
