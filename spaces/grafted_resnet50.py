"""Fine-tuning a published ResNet-50: does a gate pay that leaves its outputs alone at first?

GC (https://arxiv.org/abs/1904.11492) starts as the identity; SE and ECA do in a blend, whose share
is learnt from zero (https://arxiv.org/abs/2003.04887). Each of the last two stages takes one of
them or none after each block. 16 architectures, the plain network among them, at 23.7 to 28.4
million parameters on CIFAR-100; MACs differ by a third of that. The network is torchvision's, which
downloads its weights when the first training starts; costs need none. Images of 32 pixels leave the
last stage maps of one pixel: for results worth printing, give the recipe a folder of larger ones
(`data="folder:PATH"`). The preview takes a ResNet-18 without weights.

    search show grafted_resnet50 --recipe cifar100
    search show --sites torchvision.models.resnet50 'layer3.*'
"""

from dataclasses import replace
from functools import partial

from torchvision.models import resnet18, resnet50

from modules import ECA, GC, SE
from modules.blend import Blend
from modules.graft import graft
from spaces import Space, choice
from trials import Recipe, preview

network = partial(resnet50, weights="IMAGENET1K_V2")
wide = partial(SE, reduction=8)  # in the preview's narrow stages 16 would cost next to nothing

space = Space(
    graft,
    network=network,
    after={
        f"layer{stage}.*": choice(
            None, GC, SE=partial(Blend, gate=wide), ECA=partial(Blend, gate=ECA)
        )
        for stage in (3, 4)
    },
)
baselines = {"ResNet-50": Space(graft, network=network)}
objectives = ["accuracy", "params"]
recipes = {
    "preview": replace(preview(), overrides={"network": resnet18}),
    "cifar100": Recipe(data="cifar100", epochs=30, lr=0.01, warmup=1, label_smoothing=0.1),
}
