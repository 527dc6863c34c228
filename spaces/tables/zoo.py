"""The evaluation table of pprp/awesome-attention-mechanism-in-cv, which prints exact integers."""

from functools import partial

from modules import (
    SE,
    ShuffleAttention,
    googlenet,
    mobilenet_v2_cifar,
    preact_resnet18,
    resnet18,
    resnet50,
    shufflenet_v2,
)
from spaces import Space
from spaces.table import Row, Table

NORM_ALONE = "of SA's weights only those of its norm were counted"

CIFAR10 = Table(
    "pprp/awesome-attention-mechanism-in-cv, evaluation on CIFAR-10",
    data="cifar10",
    convention="layers",
    rows=(
        Row(
            "SENet18",
            Space(preact_resnet18, stem_norm=True, gate=SE),
            "11,260,354",
            accuracy="95.28",
            note="95.20 in the README's first version",
        ),
        Row(
            "ResNet18",
            Space(resnet18),
            "11,173,962",
            accuracy="95.16",
            note="95.61 in the README's first version",
        ),
        Row("ResNet50", Space(resnet50), "23,520,842", accuracy="95.50"),
        Row("ShuffleNetV2", Space(shufflenet_v2), "1,263,854", accuracy="91.90"),
        Row("GoogLeNet", Space(googlenet), "6,166,250", accuracy="91.90"),
        Row("MobileNetV2", Space(mobilenet_v2_cifar), "2,296,922", accuracy="92.66"),
        Row(
            "SA-ResNet50",
            Space(resnet50, gate=ShuffleAttention, stem="imagenet"),
            "23,528,758",
            accuracy="89.83",
            note=f"inferred: the stem is ImageNet's; {NORM_ALONE}",
        ),
        Row(
            "SA-ResNet18",
            Space(preact_resnet18, stem_norm=True, gate=partial(ShuffleAttention, groups=16)),
            "11,171,394",
            accuracy="95.07",
            note=f"inferred: {NORM_ALONE}",
        ),
    ),
)
