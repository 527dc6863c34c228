"""ResNet-50: which gate before the residual sum pays off?

The gates that the MSPANet tables (https://doi.org/10.1016/j.engappai.2024.108261) compare, FcaNet's
and SPEM. 11 architectures at 23.7 to 31.3 million parameters on CIFAR-100. MACs differ by 2 %, so
parameters are the price; `--measure cpu` tells apart in time what has next to none of them. On
CIFAR-100 the paper gains 2.0 to 3.4 points, most with ShuffleAttention, which is nearly free.

    search show gates --recipe cifar100 --all
    search show gates --recipe cifar100 --paper
"""

from dataclasses import replace

from modules import (
    CBAM,
    ECA,
    FCA,
    GC,
    SE,
    SPA,
    SPEM,
    SRM,
    ShuffleAttention,
    SimAM,
    TripletAttention,
    resnet50,
)
from spaces import Space, choice
from spaces.tables.mspa_cifar100 import CIFAR100
from spaces.tables.mspa_imagenet import IMAGENET
from trials import preview
from trials.papers import mspa, mspa_imagenet

space = Space(
    resnet50,
    gate=choice(SE, CBAM, SRM, ECA, TripletAttention, SimAM, ShuffleAttention, SPA, GC, FCA, SPEM),
)
baselines = {"ResNet-50": Space(resnet50)}
objectives = ["accuracy", "params"]
recipes = {
    # ShuffleAttention halves 64 groups, so its narrowest map needs 128 channels
    "preview": preview(planes=32, lr=0.1),
    "cifar100": replace(mspa, select_on_test=False),
    "imagenet": replace(mspa_imagenet, select_on_test=False),
}
published = {"CIFAR-100": CIFAR100, "ImageNet": IMAGENET}
