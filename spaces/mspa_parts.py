"""MSPANet-50: which of MSPA's parts earn their keep?

MSPA (https://doi.org/10.1016/j.engappai.2024.108261) chains its scales, dilates them where it
strides, gates each of them by SPR and lets the gates compete. Any part can be left out; SPR on the
grid 1 is SE. 52 architectures at 23.7 to 25.2 million parameters on CIFAR-100. MACs differ by less
than 1 %, so parameters are the price, and only the gate has one. The paper credits the chain and
the pyramid; what changes nothing within the error bars can go.

    search show mspa_parts --recipe cifar100
"""

from dataclasses import replace
from functools import partial

from modules import MSPA, SPR, resnet50
from spaces import Space, choice
from trials import preview
from trials.papers import mspa, mspa_imagenet

chained = partial(
    MSPA,
    hierarchical=choice(True, False, tie="hierarchical"),
    dilate=choice(True, False, tie="dilate"),
)
gate = partial(SPR, grid=choice((1,), (1, 2), (1, 2, 4)), reduction=choice(4, 16))

space = Space(
    resnet50,
    mix=choice(
        gated=partial(chained, recalibrate=gate, softmax=choice(True, False)),
        bare=partial(chained, recalibrate=None),
    ),
)
baselines = {"ResNet-50": Space(resnet50), "MSPANet-B-50": Space(resnet50, mix=MSPA)}
objectives = ["accuracy", "params"]
recipes = {
    "preview": preview(),
    "cifar100": replace(mspa, select_on_test=False),
    "imagenet": replace(mspa_imagenet, select_on_test=False),
}
