"""MSPANet-50: what do the number of scales s and the base width omega buy?

Figure 3 of the paper (https://doi.org/10.1016/j.engappai.2024.108261): accuracy peaks at s = 3 and
grows slowly with omega. 20 architectures at 15.6 to 47.5 million parameters on CIFAR-100, beside
ResNet-50.

    search show mspa_s_omega --recipe cifar100
    search show mspa_s_omega --recipe cifar100 --paper
"""

from dataclasses import replace
from functools import partial

from modules import MSPA, resnet50
from spaces import Space, choice
from spaces.tables.mspa_cifar100 import CIFAR100
from spaces.tables.mspa_figure3 import FIGURE_3
from spaces.tables.mspa_imagenet import IMAGENET
from trials import preview
from trials.papers import mspa, mspa_imagenet

space = Space(
    resnet50,
    mix=partial(MSPA, scales=choice(2, 3, 4, 5), omega=choice(28, 30, 32, 34, 36)),
)
baselines = {"ResNet-50": Space(resnet50)}
objectives = ["accuracy", "macs"]
recipes = {
    "preview": preview(),
    "cifar100": replace(mspa, select_on_test=False),
    "imagenet": replace(mspa_imagenet, select_on_test=False),
}
published = {"CIFAR-100": CIFAR100, "ImageNet": IMAGENET, "figure 3": FIGURE_3}
