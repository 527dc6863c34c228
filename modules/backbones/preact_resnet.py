"""Pre-activation ResNet, He et al. 2016, https://arxiv.org/abs/1603.05027.

Norm and activation stand before each convolution, so nothing bends the sum of the blocks.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypedDict, Unpack

from torch import Tensor, nn

from modules.backbones.network import Act, Backbone, Places, Plan, Site, kaiming, relu
from modules.backbones.parts import (
    Head,
    Held,
    Stem,
    keeping,
    mixer_channels,
    mixer_returned,
    residual_stages,
)


class Preactivation(nn.Sequential):
    """Norm, then activation."""

    def __init__(self, channels: int, act: Act = relu) -> None:
        super().__init__(nn.BatchNorm2d(channels), act())


class PreactBlock(nn.Module):
    """The residual branch plus the shortcut, or whatever `fuse` makes of the two.

    A `late` shortcut starts after the first pre-activation of the branch.
    """

    def __init__(
        self, branch: list[nn.Module], shortcut: nn.Module, late: bool, out: int, held: Held
    ) -> None:
        super().__init__()
        self.activate = branch[0]
        self.residual = nn.Sequential(*branch[1:])
        self.gate = held.gate(out) if held.gate else nn.Identity()
        self.shortcut = shortcut
        self.late = late
        self.fuse = held.fuse(out) if held.fuse else None
        kaiming(self)

    def forward(self, x: Tensor) -> Tensor:
        active = self.activate(x)
        residual: Tensor = self.gate(self.residual(active))
        x = self.shortcut(active if self.late else x)
        if self.fuse is None:
            return residual + x
        y: Tensor = self.fuse(residual, x)
        return y


def preact_bottleneck(channels: int, planes: int, stride: int, held: Held) -> PreactBlock:
    """Return a block of 1x1, `mix`, `inner`, 1x1 to 4 * planes, `gate`; it projects its input."""
    mixer = held.mix(planes, stride)
    width, returned, out = mixer_channels(mixer), mixer_returned(mixer), 4 * planes
    branch = [
        Preactivation(channels, held.act),
        nn.Conv2d(channels, width, 1, bias=False),
        Preactivation(width, held.act),
        mixer,
        Preactivation(returned, held.act),
        held.inner(returned) if held.inner else nn.Identity(),
        nn.Conv2d(returned, out, 1, bias=False),
    ]
    if stride == 1 and channels == out:
        return PreactBlock(branch, nn.Identity(), False, out, held)
    projection = nn.Conv2d(channels, out, 1, stride, bias=False)
    return PreactBlock(branch, projection, False, out, held)


def preact_basic(channels: int, planes: int, stride: int, held: Held) -> PreactBlock:
    """Return a block of 3x3, `inner`, `mix`, `gate`; it projects its activated input."""
    branch = [
        Preactivation(channels, held.act),
        nn.Conv2d(channels, planes, 3, stride, padding=1, bias=False),
        Preactivation(planes, held.act),
        held.inner(planes) if held.inner else nn.Identity(),
        keeping(planes, held.mix(planes, 1)),
    ]
    if stride == 1 and channels == planes:
        return PreactBlock(branch, nn.Identity(), False, planes, held)
    projection = nn.Conv2d(channels, planes, 1, stride, bias=False)
    return PreactBlock(branch, projection, True, planes, held)


class PreactHead(nn.Sequential):
    """The activation the last block still lacks, then the head of a ResNet."""

    def __init__(self, channels: int, num_classes: int, act: Act = relu) -> None:
        super().__init__(*Preactivation(channels, act), *Head(channels, num_classes))


class PreactSites(TypedDict, total=False):
    """What the networks of this file take besides depth and width."""

    mix: Site
    inner: Site
    gate: Site
    fuse: Site
    after: Site
    act: Act
    stem: str
    stem_norm: bool
    num_classes: int


def preact_resnet(
    block: Callable[[int, int, int, Held], PreactBlock],
    depths: Sequence[int],
    planes: int,
    mix: Site = None,
    inner: Site = None,
    gate: Site = None,
    fuse: Site = None,
    after: Site = None,
    act: Act = relu,
    stem: str = "cifar",
    stem_norm: bool = False,
    num_classes: int = 1000,
) -> Plan:
    """Plan any pre-activation ResNet; the stem is a bare convolution unless `stem_norm`."""
    places = Places(depths, mix=mix, inner=inner, gate=gate, fuse=fuse, after=after)
    expansion = 4 if block is preact_bottleneck else 1
    channels = expansion * planes * 2 ** (len(depths) - 1)
    # the counted code of the basic kind averages the last sum as it is
    head = partial(PreactHead, act=act) if block is preact_bottleneck else Head
    return {
        "stem": partial(Stem, stem, planes, act if stem_norm else None),
        **residual_stages(block, expansion, planes, places, Held(act=act)),
        "head": partial(head, channels, num_classes),
    }


@Backbone
def preact_resnet164(
    depths: Sequence[int] = (18, 18, 18), planes: int = 16, **sites: Unpack[PreactSites]
) -> Plan:
    """Plan PreActResNet-164 for CIFAR: 9n + 2 layers, n = 18 (111 make 1001); MSPA has base=16."""
    return preact_resnet(preact_bottleneck, depths, planes, **sites)


@Backbone
def preact_resnet18(
    depths: Sequence[int] = (2, 2, 2, 2), planes: int = 64, **sites: Unpack[PreactSites]
) -> Plan:
    """Plan PreActResNet-18 for CIFAR; `stem_norm` and SE at `gate` make the zoo's SENet18."""
    return preact_resnet(preact_basic, depths, planes, **sites)
