"""ResNet-50: what should stand in for the 3x3 convolution?

The multi-scale mixers that the MSPANet tables (https://doi.org/10.1016/j.engappai.2024.108261)
compare, each as its own paper sets it. 7 architectures at 0.8 to 1.4 billion MACs on CIFAR-100, by
which they are told apart. The paper has MSPA first: 2.3 points over ResNet-50 on ImageNet, and half
a point over Res2Net and PyConv.

    search show mixers --recipe cifar100 --all
    search show mixers --recipe imagenet --paper
"""

from dataclasses import replace

from modules import COCONV_STAGES, MA, MSPA, PSA, PYCONV_STAGES, SK, Res2Net, resnet50
from spaces import Space, choice
from spaces.tables.mspa_cifar100 import CIFAR100
from spaces.tables.mspa_imagenet import IMAGENET
from trials import preview
from trials.papers import mspa, mspa_imagenet

space = Space(
    resnet50,
    mix=choice(MSPA, MA, PSA, SK, Res2Net, PyConv=PYCONV_STAGES, CoConv=COCONV_STAGES),
)
baselines = {"ResNet-50": Space(resnet50)}
objectives = ["accuracy", "macs"]
recipes = {
    # MA and PSA divide 64 planes into 4 branches of up to 16 groups; PyConv is told stage by stage
    "preview": preview(planes=64, depths=(1, 1, 1, 1), lr=0.02),
    "cifar100": replace(mspa, select_on_test=False),
    "imagenet": replace(mspa_imagenet, select_on_test=False),
}
published = {"CIFAR-100": CIFAR100, "ImageNet": IMAGENET}
