"""Backbones: where their sites are, what they compute, and what they refuse."""

import re
from collections.abc import Callable
from functools import partial

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from modules.attention.gc import GC
from modules.attention.mspa import MSPA
from modules.attention.scsa import SCSA
from modules.backbones.googlenet import Inception, googlenet
from modules.backbones.mobilenet import eighths, mobilenet_v2, mobilenet_v2_cifar
from modules.backbones.network import relu
from modules.backbones.parts import Conv3x3, Held
from modules.backbones.preact_resnet import (
    PreactBlock,
    preact_basic,
    preact_bottleneck,
    preact_resnet18,
    preact_resnet164,
)
from modules.backbones.pretrained import load_pretrained
from modules.backbones.resnext import resnext29_8x64, resnext29_16x64, resnext50_32x4
from modules.backbones.shufflenet import shufflenet_v2
from tests.references import fill, parameters

SMALL = {
    "preact_resnet164": partial(preact_resnet164, depths=(2, 1, 2), planes=8),
    "preact_resnet18": partial(preact_resnet18, depths=(2, 1, 2), planes=8),
    "resnext29_8x64": partial(resnext29_8x64, depths=(2, 1, 2), planes=8, cardinality=2),
    "resnext29_16x64": partial(resnext29_16x64, depths=(2, 1, 2), planes=8, cardinality=4),
    "resnext50_32x4": partial(resnext50_32x4, depths=(2, 1, 2), planes=16, cardinality=2),
    "mobilenet_v2": partial(mobilenet_v2, width=0.5),
    "mobilenet_v2_cifar": partial(mobilenet_v2_cifar, width=0.5),
    "shufflenet_v2": partial(shufflenet_v2, depths=(2, 1, 2), widths=(8, 16, 32), features=64),
    "googlenet": partial(googlenet, depths=(2, 1, 2)),
}
"""Each backbone of these files, small enough to build in a moment."""

# of the others: five blocks, each with a sum, in three stages
BLOCKS = {"mobilenet_v2": 17, "mobilenet_v2_cifar": 17}
SUMS = {"mobilenet_v2": 10, "mobilenet_v2_cifar": 14}
STAGES = {"mobilenet_v2": 7, "mobilenet_v2_cifar": 7}


def offered(*names: str) -> list[str]:
    return [name for name in SMALL if name not in names]


class Probe(nn.Module):
    """Scale what comes in, which must have the promised channels, by one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


class Sum(Probe):
    """Add the shortcut, as a network without `fuse` does."""

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        return super().forward(x) + shortcut


def probes(network: nn.Module) -> list[Probe]:
    return [module for module in network.modules() if isinstance(module, Probe)]


def reached(network: nn.Module) -> list[Probe]:
    """The probes that have a part in the output: those with a gradient."""
    network(torch.randn(2, 3, 32, 32)).sum().backward()
    return [probe for probe in probes(network) if probe.scale.grad is not None]


@pytest.mark.parametrize("name", SMALL)
def test_a_gate_stands_in_every_block(name):
    network = SMALL[name](gate=Probe, stem="cifar", num_classes=10)

    found = reached(network)

    assert len(found) == len(probes(network)) == BLOCKS.get(name, 5)


@pytest.mark.parametrize("name", offered("googlenet"))
def test_an_inner_module_stands_in_every_block(name):
    network = SMALL[name](inner=Probe, stem="cifar", num_classes=10)

    found = reached(network)

    assert len(found) == len(probes(network)) == BLOCKS.get(name, 5)


@pytest.mark.parametrize("name", offered("googlenet", "shufflenet_v2"))
def test_a_fusion_stands_wherever_a_block_has_a_sum(name):
    network = SMALL[name](fuse=Sum, stem="cifar", num_classes=10)

    found = reached(network)

    assert len(found) == len(probes(network)) == SUMS.get(name, 5)


@pytest.mark.parametrize("name", SMALL)
def test_a_module_after_a_stage_stands_after_each_stage(name):
    network = SMALL[name](after=Probe, stem="cifar", num_classes=10)

    found = reached(network)

    assert len(found) == len(probes(network)) == STAGES.get(name, 3)
    maps = network.stages(torch.zeros(1, 3, 32, 32))
    assert [probe.channels for probe in found] == [features.shape[1] for features in maps]


class Wide(nn.Module):
    """A mixer on twice its planes."""

    def __init__(self, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.channels = 2 * planes
        self.conv = nn.Conv2d(self.channels, self.channels, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


@pytest.mark.parametrize("name", offered("googlenet", "preact_resnet18"))
def test_the_1x1_convolutions_fit_the_channels_of_a_mix(name):
    mix = {"stage2": Wide, "stage3.0": Wide}

    network = SMALL[name](mix=mix, inner={"stage2": Probe}, stem="cifar", num_classes=10)
    logits = network(torch.zeros(2, 3, 32, 32))

    mixers = [module for module in network.modules() if isinstance(module, Wide)]
    assert logits.shape == (2, 10)
    assert len(mixers) == 1 + (2 if name in BLOCKS else 1)
    assert [probe.channels for probe in probes(network)] == [
        mixer.channels for mixer in mixers[:-1]
    ]


@pytest.mark.parametrize("name", SMALL)
def test_an_activation_replaces_every_other(name):
    network = SMALL[name](act=nn.Mish)

    kinds = {type(module) for module in network.modules()}

    assert nn.Mish in kinds
    assert not kinds & {nn.ReLU, nn.ReLU6}


def test_mobilenet_bends_with_relu6_and_its_cifar_version_with_relu():
    networks = [SMALL["mobilenet_v2"](), SMALL["mobilenet_v2_cifar"]()]

    counts = [
        tuple(sum(type(module) is kind for module in network.modules()) for network in networks)
        for kind in (nn.ReLU6, nn.ReLU)
    ]

    assert counts == [(1 + 16 * 2 + 1 + 1, 0), (0, 1 + 17 * 2 + 1)]


@pytest.mark.parametrize("name", SMALL)
def test_one_place_by_name_takes_one_module(name):
    network = SMALL[name](gate={"stage3.1": Probe})

    (place,) = [place for place, module in network.named_modules() if isinstance(module, Probe)]

    assert place == "stage3.1.gate"


@pytest.mark.parametrize("name", SMALL)
def test_a_plan_builds_just_the_network(name):
    small = SMALL[name]

    network = small()
    plan = small.func.plan(**small.keywords)

    assert next(iter(plan)) == "stem" and list(plan)[-1] == "head"
    assert sum(parameters(part()) for part in plan.values()) == parameters(network)
    assert [place for place in plan if "." in place] == [
        f"{stage}.{block}"
        for stage, blocks in network.named_children()
        if stage.startswith("stage")
        for block, _ in blocks.named_children()
    ]


@pytest.mark.parametrize(
    ("name", "stem", "sides"),
    [
        ("preact_resnet164", "cifar", [64, 32, 16]),
        ("preact_resnet18", "strided", [32, 16, 8]),
        ("resnext29_8x64", "cifar", [64, 32, 16]),
        ("resnext50_32x4", "imagenet", [16, 8, 4]),
        ("mobilenet_v2", "imagenet", [32, 16, 8, 4, 4, 2, 2]),
        ("mobilenet_v2", "strided", [32, 32, 16, 8, 8, 4, 4]),
        ("mobilenet_v2_cifar", "cifar", [64, 64, 32, 16, 16, 8, 8]),
        ("shufflenet_v2", "imagenet", [8, 4, 2]),
        ("shufflenet_v2", "strided", [16, 8, 4]),
        ("shufflenet_v2", "cifar", [32, 16, 8]),
        ("googlenet", "imagenet", [8, 4, 2]),
        ("googlenet", "cifar", [64, 32, 16]),
    ],
)
def test_a_stem_sets_the_sizes_of_all_stages(name, stem, sides):
    network = SMALL[name](stem=stem).eval()

    maps = network.stages(torch.zeros(1, 3, 64, 64))

    assert [features.shape[2:] for features in maps] == [(side, side) for side in sides]


@pytest.mark.parametrize("name", SMALL)
def test_a_module_with_a_start_of_its_own_keeps_it(name):
    network = SMALL[name](gate=GC)

    last = [module.add[-1].weight for module in network.modules() if isinstance(module, GC)]

    assert len(last) == BLOCKS.get(name, 5)
    assert not any(weight.any() for weight in last)


def test_scsa_stands_inside_mobilenet_for_imagenet():
    with torch.device("meta"):
        network = mobilenet_v2(inner=SCSA)
        logits = network(torch.zeros(1, 3, 224, 224))

    # 16 parameters a channel: SCSA at the expanded widths
    widths = (32, 96, *[144] * 2, *[192] * 3, *[384] * 4, *[576] * 3, *[960] * 3)
    assert logits.shape == (1, 1000)
    assert parameters(network) == 3_504_872 + 16 * sum(widths)


def test_mspa_works_on_all_groups_of_a_resnext():
    network = resnext29_8x64(depths=(1, 1, 1), mix=partial(MSPA, omega=8), num_classes=10)

    widths = [module.width for module in network.modules() if isinstance(module, MSPA)]

    assert widths == [64, 128, 256]


def test_1001_layers_are_111_blocks_a_stage():
    with torch.device("meta"):
        network = preact_resnet164(depths=(111, 111, 111), num_classes=10)

    layers = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and "shortcut" not in name
    ]

    assert len(layers) == 1001


def normed(x: Tensor, norm: nn.Module) -> Tensor:
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)


def golden(block: nn.Module) -> nn.Module:
    block = block.double().eval()
    fill(block, [name for name in block.state_dict() if "num_batches" not in name])
    return block


def convs_and_norms(block: PreactBlock) -> tuple[list[Tensor], list[nn.Module]]:
    branch = [*block.activate.modules(), *block.residual.modules()]
    convs = [module.weight for module in branch if isinstance(module, nn.Conv2d)]
    return convs, [module for module in branch if isinstance(module, nn.BatchNorm2d)]


def test_a_preactivated_bottleneck_projects_its_raw_input():
    block = golden(preact_bottleneck(8, 4, 2, Held()))
    x = torch.randn(2, 8, 7, 7, dtype=torch.float64)
    (first, middle, last), norms = convs_and_norms(block)

    y = F.conv2d(normed(x, norms[0]).relu(), first)
    y = F.conv2d(normed(y, norms[1]).relu(), middle, stride=2, padding=1)
    y = F.conv2d(normed(y, norms[2]).relu(), last)
    y = y + F.conv2d(x, block.shortcut.weight, stride=2)

    torch.testing.assert_close(block(x), y)


def test_a_preactivated_basic_block_projects_its_activated_input():
    block = golden(preact_basic(8, 12, 2, Held()))
    x = torch.randn(2, 8, 7, 7, dtype=torch.float64)
    (first, last), norms = convs_and_norms(block)

    active = normed(x, norms[0]).relu()
    y = F.conv2d(active, first, stride=2, padding=1)
    y = F.conv2d(normed(y, norms[1]).relu(), last, padding=1)
    y = y + F.conv2d(active, block.shortcut.weight, stride=2)

    torch.testing.assert_close(block(x), y)


def test_a_preactivated_block_of_the_same_shape_adds_its_raw_input():
    for block in (preact_basic(8, 8, 1, Held()), preact_bottleneck(32, 8, 1, Held())):
        block = golden(block)
        x = torch.randn(2, block.activate[0].num_features, 7, 7, dtype=torch.float64)

        residual = block.residual(block.activate(x))

        torch.testing.assert_close(block(x), x + residual)


def test_a_preactivated_network_ends_in_an_activation_and_the_counted_18_does_not():
    names = "preact_resnet164", "preact_resnet18"
    heads = [SMALL[name]().get_submodule("head") for name in names]

    kinds = [[type(layer).__name__ for layer in head] for head in heads]

    end = ["AdaptiveAvgPool2d", "Flatten", "Linear"]
    assert kinds == [["BatchNorm2d", "ReLU", *end], end]


def test_an_inception_sets_its_branches_beside_each_other_in_the_paper_s_order():
    block = golden(Inception(6, (2, 3, 4, 5, 7, 8), None, relu))
    x = torch.randn(2, 6, 5, 5, dtype=torch.float64)

    def chain(y: Tensor, layers: nn.Module) -> Tensor:
        for conv, norm in zip(layers[0::3], layers[1::3], strict=True):
            y = F.conv2d(y, conv.weight, conv.bias, padding=conv.kernel_size[0] // 2)
            y = normed(y, norm).relu()
        return y

    parts = [
        chain(x, block.one),
        chain(x, block.three),
        chain(x, block.five),
        chain(F.max_pool2d(x, 3, 1, 1), block.pool[1:]),
    ]

    assert [part.shape[1] for part in parts] == [2, 4, 7, 8]
    torch.testing.assert_close(block(x), torch.cat(parts, dim=1))


def randomised(network: nn.Module) -> nn.Module:
    """Give a torchvision network statistics that are not all alike."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.weight, 1, 0.1)
            nn.init.normal_(module.bias, std=0.1)
    return network.eval()


def in_order(network: nn.Module, theirs: nn.Module, key: Callable[[str], str]) -> nn.Module:
    """Copy a state dict by order, among the tensors that have the same `key`."""
    names = sorted(theirs.state_dict(), key=key)
    ours = sorted(network.state_dict(), key=key)
    for name, other in zip(ours, names, strict=True):
        network.state_dict()[name].copy_(theirs.state_dict()[other])
    return network.eval()


def test_mobilenet_computes_what_torchvision_s_does():
    theirs = randomised(torchvision.models.mobilenet_v2())
    network = in_order(mobilenet_v2(), theirs, key=lambda name: "")
    x = torch.randn(1, 3, 64, 64)

    assert torch.equal(network(x), theirs(x))


def branch_of_shufflenet(name: str) -> str:
    """Bring stage, unit and branch of both spellings to one."""
    match = re.match(r"stage(\d)\.(\d+)\.(branch1|shortcut|branch2|residual)", name)
    if match is None:
        return "0" if name.startswith(("stem", "conv1")) else "9"
    ours = match[3] in ("shortcut", "residual")
    return f"{int(match[1]) + ours}.{match[2]}.{match[3] in ('branch2', 'residual')}"


def test_shufflenet_computes_what_torchvision_s_does():
    theirs = randomised(torchvision.models.shufflenet_v2_x1_0())
    network = in_order(shufflenet_v2(), theirs, key=branch_of_shufflenet)
    x = torch.randn(1, 3, 64, 64)

    torch.testing.assert_close(network(x), theirs(x), rtol=1e-5, atol=1e-5)


def test_resnext_computes_what_torchvision_s_does():
    theirs = randomised(torchvision.models.resnext50_32x4d())
    network = resnext50_32x4().eval()

    load_pretrained(network, theirs.state_dict())

    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(network(x), theirs(x))


@pytest.mark.parametrize("width", [0.35, 0.5, 0.75, 1.4])
def test_mobilenet_is_as_wide_as_torchvision_s(width):
    with torch.device("meta"):
        networks = mobilenet_v2(width=width), torchvision.models.mobilenet_v2(width_mult=width)

    assert parameters(networks[0]) == parameters(networks[1])


def test_a_width_is_rounded_to_eighths_but_never_far_down():
    assert [eighths(channels) for channels in (1, 11, 12, 18.4, 32, 1792)] == [
        *(8, 16, 16, 24, 32, 1792)
    ]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            partial(preact_resnet18, mix=Wide),
            "Wide(64) has 128 channels; with no 1x1 convolution before it, a mix keeps its planes",
        ),
        (
            partial(mobilenet_v2, mix={"stage1": Wide}),
            "Wide(32) has 64 channels; with no 1x1 convolution before it, a mix keeps its planes",
        ),
        (
            partial(preact_resnet164, mix=lambda planes, stride: nn.Identity()),
            "Identity has no .channels; a mix says how many it works on",
        ),
        (
            partial(resnext29_8x64, planes=8, base_width=4),
            "base_width = 4 leaves no channel of 8 planes (of 64)",
        ),
        (
            partial(mobilenet_v2, depths=(1, 2, 3)),
            "depths has 3 entries and MobileNetV2 7 stages",
        ),
        (
            partial(mobilenet_v2, stem="tiny"),
            "stem = 'tiny' is not one of 'cifar', 'strided', 'imagenet'",
        ),
        (partial(googlenet, stem="strided"), "stem = 'strided' is not one of 'cifar', 'imagenet'"),
        (
            partial(googlenet, depths=(2, 6, 2)),
            "depths = (2, 6, 2) is not within 1 and (2, 5, 2), stage by stage",
        ),
        (
            partial(shufflenet_v2, widths=(116, 232)),
            "widths has 2 entries and the network 3 stages",
        ),
        (
            partial(shufflenet_v2, widths=(116, 232, 463)),
            "463 channels do not halve; every entry of widths is even",
        ),
        (
            partial(mobilenet_v2, gate={"stage8": Probe}),
            "gate: no place 'stage8', stages are ['stage1', 'stage2', 'stage3', 'stage4', "
            "'stage5', 'stage6', 'stage7']; did you mean 'stage7'?",
        ),
    ],
)
def test_what_a_backbone_cannot_build_it_says(build, words):
    with pytest.raises(ValueError) as caught:
        build()

    assert str(caught.value) == words


def test_a_plain_3x3_is_a_convolution_that_published_counters_see():
    kinds = [type(module) for module in Conv3x3(8).modules()]

    assert kinds == [Conv3x3, nn.Conv2d]
