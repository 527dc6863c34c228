"""ResNet-50: where does SE belong, and how narrow may it be?

SE (https://arxiv.org/abs/1709.01507) before the residual sum, or before the last 1x1 where there is
a quarter of the channels, or at both, each with its own reduction. 25 architectures, one of them
the plain network, at 23.7 to 34.4 million parameters on CIFAR-100. MACs differ by less than 1 %, so
parameters are the price. The paper finds that more capacity does not keep helping and takes 16; at
the inner place it costs a sixteenth as much.

    search show se_reduction --recipe cifar100
    search show se_reduction --recipe cifar10 --paper
"""

from dataclasses import replace
from functools import partial

from modules import SE, resnet50
from spaces import Space, choice
from spaces.tables.zoo import CIFAR10
from trials import preview
from trials.papers import kuangliu, mspa, mspa_imagenet

space = Space(
    resnet50,
    gate=choice(None, partial(SE, reduction=choice(4, 8, 16, 32))),
    inner=choice(None, partial(SE, reduction=choice(4, 8, 16, 32))),
)
baselines = {"ResNet-50": Space(resnet50)}
objectives = ["accuracy", "params"]
recipes = {
    "preview": preview(),
    "cifar10": replace(kuangliu, select_on_test=False),
    "cifar100": replace(mspa, select_on_test=False),
    "imagenet": replace(mspa_imagenet, select_on_test=False),
}
published = {"the zoo": CIFAR10}
