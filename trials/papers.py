"""The recipes of the papers by name, with their constants, and what stands in where one has none.

All of them score on the test set and print their best epoch; ours is the last one. Their cosine
moves once an epoch, ours at every step.
"""

from dataclasses import replace

from trials.recipe import Recipe

kuangliu = Recipe(
    data="cifar10",
    epochs=200,
    nesterov=False,
    precision="fp32",
    select_on_test=True,
)
"""The training script most CIFAR repositories started from."""

ma = replace(kuangliu, batch=120)
"""EMANet, on CIFAR-10."""

spem = replace(
    kuangliu,
    epochs=164,
    schedule="steps",
    milestones=(81, 122),
    weight_decay=1e-4,
)
"""SPEM as in the command its README gives; CIFAR-100 is the same with `data="cifar100"`."""

scsa = Recipe(
    data="imagenet",
    augment=("resized-crop", "flip"),
    epochs=100,
    lr=0.05,
    nesterov=False,
    schedule="steps",
    milestones=(30, 60, 90),
    weight_decay=1e-4,
    select_on_test=True,
)
"""SCSA on ResNet-50 and -101; its mixed precision is `auto` here, which takes bf16 where it can."""

scsa_mobilenet = replace(
    scsa,
    epochs=400,
    batch=96,
    lr=0.045,
    milestones=tuple(range(1, 400)),
    gamma=0.98,
    weight_decay=4e-5,
)
"""SCSA on MobileNetV2: the rate falls by 2 % after every epoch."""

mspa_imagenet = Recipe(
    data="imagenet",
    augment=("resized-crop", "flip"),
    epochs=100,
    batch=256,
    nesterov=False,
    schedule="steps",
    milestones=(30, 60, 90),
    weight_decay=1e-4,
    precision="fp32",
    select_on_test=True,
)
"""MSPANet on ImageNet. Published: epochs and milestones; the rest is He et al. 2016's."""

mspa = replace(kuangliu, data="cifar100")
"""MSPANet on CIFAR-100. Nothing about this training is published; all of it is kuangliu's."""

PAPERS = {
    "kuangliu": kuangliu,
    "ma": ma,
    "mspa": mspa,
    "mspa_imagenet": mspa_imagenet,
    "scsa": scsa,
    "scsa_mobilenet": scsa_mobilenet,
    "spem": spem,
}
