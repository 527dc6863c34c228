"""EMANet-50: which kernels, how many groups and how large a mixer does MA need?

MA (https://doi.org/10.3390/e24091180) convolves with 3, 5, 7 and 9 in 1, 4, 8 and 16 groups and
mixes over 9x9. 36 architectures at 0.8 to 1.5 billion MACs on CIFAR-10, which tell them apart. The
paper gains 2.0 points over ResNet-50 at 8 % fewer MACs. It compares none of the three; groups set
most of the price, and the large kernels have most of the groups.

    search show ma_kernels_groups --recipe cifar10
    search show ma_kernels_groups --paper
"""

from dataclasses import replace
from functools import partial

from modules import MA, resnet50
from spaces import Space, choice
from spaces.tables.emanet import CIFAR10, NORMS
from trials import preview
from trials.papers import ma

space = Space(
    resnet50,
    mix=partial(
        MA,
        kernels=choice((3, 5, 7, 9), (3, 3, 5, 5), (3, 3, 3, 3)),
        groups=choice((1, 4, 8, 16), (1, 2, 4, 8), (16, 16, 16, 16)),
        mixer=choice(3, 5, 7, 9),
    ),
)
baselines = {"ResNet-50": Space(resnet50)}
objectives = ["accuracy", "macs"]
recipes = {
    # 16 groups in each of 4 branches take 64 planes
    "preview": preview(planes=64, lr=0.02),
    "cifar10": replace(ma, select_on_test=False),
}
published = {"CIFAR-10": CIFAR10, "norms": NORMS}
