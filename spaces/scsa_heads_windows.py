"""ResNet-50: how many heads and how wide a window does SCSA need?

SCSA (https://arxiv.org/abs/2407.05128) has one head over means of 7x7 windows; on ImageNet's last
maps that is one window. 16 architectures of equal parameters, all at 4.1 billion MACs on ImageNet:
the second objective is latency, as measured. More heads are cheaper and look at fewer channels
each; no table of the paper could be found that says what that costs. CIFAR-100's last maps are 4x4,
so windows of 5 and 7 are refused there, which leaves 8.

    search show scsa_heads_windows --recipe imagenet --measure cpu
"""

from dataclasses import replace
from functools import partial

from modules import SCSA, resnet50
from spaces import Space, choice
from trials import preview
from trials.papers import kuangliu, scsa

space = Space(
    resnet50,
    inner=partial(SCSA, heads=choice(1, 2, 4, 8), window=choice(None, 3, 5, 7)),
    zero_init_residual=True,
)
baselines = {"ResNet-50": Space(resnet50, zero_init_residual=True)}
objectives = ["accuracy", "latency"]
recipes = {
    # the stem keeps the size, so that the last of three stages has 8x8 for a window of 7
    "preview": preview(stem="cifar"),
    # the paper has nothing on CIFAR; this is the training of the others
    "cifar100": replace(kuangliu, data="cifar100", select_on_test=False),
    "imagenet": replace(scsa, select_on_test=False),
}
