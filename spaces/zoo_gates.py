"""ResNet-50: which of all gates before the residual sum pays off?

Every gate of the zoo, each as its own paper or the counted code sets it; `gates` asks the same of
those that one paper compares. 20 architectures at 23.7 to 43.9 million parameters on CIFAR-100:
SimAM has none, Gather-Excite (https://arxiv.org/abs/1810.12348) kernels as large as the map. Expect
the cheap ones to be hard to tell apart: in MSPANet's table ten gates gain 2.0 to 3.4 points over
ResNet-50, and many are less than a standard deviation apart.

    search show zoo_gates --recipe cifar100 --all
    search run zoo_gates --recipe preview
"""

from dataclasses import replace
from functools import partial

from modules import (
    CBAM,
    ECA,
    FCA,
    GC,
    MSCAM,
    SCSE,
    SE,
    SGE,
    SPA,
    SPEM,
    SRM,
    SSE,
    ULSAM,
    ContextGating,
    GatherExcite,
    GSoP,
    LightNL,
    ShuffleAttention,
    SimAM,
    TripletAttention,
    resnet50,
)
from spaces import Space, choice
from trials import preview
from trials.papers import mspa, mspa_imagenet

# its kernel is the map: here that of 32x32 images, stage by stage; larger maps are pooled to it
GATHER_EXCITE_STAGES = tuple(partial(GatherExcite, size=size) for size in (32, 16, 8, 4))

space = Space(
    resnet50,
    gate=choice(
        SE,
        CBAM,
        SRM,
        ECA,
        TripletAttention,
        SimAM,
        ShuffleAttention,
        SPA,
        GC,
        FCA,
        SPEM,
        SGE,
        SCSE,
        SSE,
        MSCAM,
        ContextGating,
        ULSAM,
        LightNL,
        GSoP,
        GatherExcite=GATHER_EXCITE_STAGES,
    ),
)
baselines = {"ResNet-50": Space(resnet50)}
objectives = ["accuracy", "params"]
recipes = {
    # ShuffleAttention halves 64 groups, so its narrowest map needs 128 channels
    "preview": preview(planes=32, depths=(1, 1, 1, 1)),
    "cifar100": replace(mspa, select_on_test=False),
    "imagenet": replace(mspa_imagenet, select_on_test=False),
}
