"""ResNet-50: what of all that there is should stand in for the 3x3 convolution?

Every mixer of the zoo, each as its own paper or the counted code sets it; `mixers` asks the same of
those that one paper compares. 22 architectures at 0.7 to 1.7 billion MACs on CIFAR-100: from
cheap ones like Ghost (https://arxiv.org/abs/1911.11907) over those that cost what a 3x3 costs, some
of which fold into one at inference, to those that run several branches. Expect the front to be made
of few: cheap mixers lose accuracy, dear ones gain little over the multi-scale ones in between.

    search show zoo_mixers --recipe cifar100 --all
    search run zoo_mixers --recipe preview
"""

from dataclasses import replace

from modules import (
    COCONV_STAGES,
    DGC,
    MA,
    MSPA,
    PSA,
    PYCONV_STAGES,
    SAN,
    SK,
    ACBlock,
    BlazeBlock,
    CondConv,
    DOConv,
    DynamicConv,
    EffNetConv,
    Ghost,
    MixConv,
    PSConv,
    Res2Net,
    SelfCalibrated,
    Separable,
    SPConv,
    SplitAttention,
    resnet50,
)
from spaces import Space, choice
from trials import preview
from trials.papers import mspa, mspa_imagenet

space = Space(
    resnet50,
    mix=choice(
        MSPA,
        MA,
        PSA,
        SK,
        Res2Net,
        SplitAttention,
        SelfCalibrated,
        ACBlock,
        DOConv,
        PSConv,
        DynamicConv,
        CondConv,
        DGC,
        SPConv,
        Ghost,
        MixConv,
        Separable,
        BlazeBlock,
        EffNetConv,
        SAN,
        PyConv=PYCONV_STAGES,
        CoConv=COCONV_STAGES,
    ),
)
baselines = {"ResNet-50": Space(resnet50)}
objectives = ["accuracy", "macs"]
recipes = {
    # MA and PSA divide 64 planes into 4 branches of up to 16 groups; PyConv is told stage by stage
    "preview": preview(planes=64, depths=(1, 1, 1, 1), lr=0.02),
    "cifar100": replace(mspa, select_on_test=False),
    "imagenet": replace(mspa_imagenet, select_on_test=False),
}
