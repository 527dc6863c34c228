"""ResNet-50: which gate belongs at which stage?

Each stage takes nothing, ECA, SimAM, CBAM or SE. 625 architectures, the plain network among them,
at 23.7 to 26.2 million parameters on CIFAR-100. MACs differ by less than 1 %, so parameters are the
price. The paper of SE (https://arxiv.org/abs/1709.01507) could leave the last stage out, which has
most of the parameters, at next to no loss; a gate without parameters there may win that back.

    search show placement --recipe cifar100
"""

from dataclasses import replace

from modules import CBAM, ECA, SE, SimAM, resnet50
from spaces import Space, choice
from trials import preview
from trials.papers import mspa, mspa_imagenet

space = Space(
    resnet50,
    gate={f"stage{stage}": choice(None, ECA, SimAM, CBAM, SE) for stage in (1, 2, 3, 4)},
)
baselines = {"ResNet-50": Space(resnet50)}
objectives = ["accuracy", "params"]
recipes = {
    # four stages, so that every place of the full network is in the preview
    "preview": preview(depths=(1, 1, 1, 1)),
    "cifar100": replace(mspa, select_on_test=False),
    "imagenet": replace(mspa_imagenet, select_on_test=False),
}
