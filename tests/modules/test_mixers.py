"""Res2Net, PyConv and CoConv against published counts, and against slow second versions."""

from collections.abc import Sequence
from functools import partial

import pytest
import torch
from ptflops import get_model_complexity_info
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from modules.backbones.resnet import resnet50, resnet101
from modules.blocks.coconv import COCONV_STAGES, CoConv
from modules.blocks.pyconv import PYCONV_STAGES, PyConv
from modules.blocks.res2net import Res2Net
from tests.modules.definitions import maps, near, scattered, slow_conv, slow_norm
from tests.references import REFERENCES, fill, golden_error, golden_inputs, parameters

IDS = [key for key in REFERENCES if key.startswith("module/zoo.PyConv")]


def macs(module: nn.Module, shape: Sequence[int]) -> int:
    with FlopCounterMode(display=False) as counter:
        module(torch.empty(shape, device="meta"))
    return counter.get_total_flops() // 2


def published(network: nn.Module) -> str:
    """What the MSPANet tables print: ptflops 0.6's count of layers at 224 pixels, in 10^9."""
    operations, _ = get_model_complexity_info(
        network,
        (3, 224, 224),
        as_strings=False,
        print_per_layer_stat=False,
        backend="pytorch",
        backend_specific_config={"count_functional": False},
    )
    return f"{operations / 1e9:.3f}"


def millions(network: nn.Module) -> str:
    return f"{parameters(network) / 1e6:.3f}"


def unnormed(network: nn.Module) -> nn.Module:
    """Take away the norm and activation our bottleneck puts behind its mix; Res2Net's has none."""
    for part in network.modules():
        if isinstance(part, nn.Sequential) and any(isinstance(m, Res2Net) for m in part):
            place = [isinstance(m, Res2Net) for m in part].index(True)
            part[place + 1] = nn.Identity()
            part[place + 2] = nn.Identity()
    return network


# Res2Net ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backbone", "count"), [(resnet50, "25.699"), (resnet101, "45.207")], ids=["50", "101"]
)
def test_res2net_has_the_published_parameters(backbone, count):
    with torch.device("meta"):
        network = unnormed(backbone(mix=Res2Net))

    assert millions(network) == count


def test_res2net_50_has_the_published_flops():
    network = unnormed(resnet50(mix=Res2Net))

    assert published(network) == "4.293"


@pytest.mark.parametrize("scales", [2, 4, 6])
@pytest.mark.parametrize("stride", [1, 2])
def test_res2net_chains_its_groups_and_passes_the_last_one_on(stride, scales):
    module = scattered(Res2Net(32, stride, scales)).eval()
    x = maps(2, module.channels, 9, 6)

    output = module(x)

    *parts, last = x.split(32 * 26 // 64, 1)
    results: list[Tensor] = []
    for index, part in enumerate(parts):
        chained = part + results[-1] if stride == 1 and index else part
        convolved = slow_conv(chained, module.convs[index].weight, stride, dilation=1)
        results.append(slow_norm(convolved, module.norms[index]).clamp(min=0))
    kept = last if stride == 1 else F.avg_pool2d(last, 3, stride, padding=1)
    assert module.channels == scales * 13
    assert near(output, torch.cat([*results, kept], 1))


def test_res2net_refuses_what_it_cannot_split():
    with pytest.raises(ValueError, match="scales = 1 leaves no group to convolve"):
        Res2Net(64, scales=1)
    with pytest.raises(ValueError, match=r"omega = 3 leaves no channel of 16 planes \(base 64\)"):
        Res2Net(16, omega=3)


# PyConv -------------------------------------------------------------------------------------------


def test_every_reference_of_pyconv_is_judged():
    assert len(IDS) == 3


@pytest.mark.parametrize("key", IDS)
def test_pyconv_costs_what_the_reference_costs(key):
    entry = REFERENCES[key]
    shape = entry["input"]
    with torch.device("meta"):
        module = PyConv(shape[1])

    assert parameters(module) == entry["params"]
    assert macs(module, shape) == entry["macs"]
    assert macs(module, [*shape[:2], 32, 32]) == entry["macs_32x32"]


def test_pyconv_computes_what_the_reference_does():
    entry = REFERENCES[IDS[0]]
    module = PyConv(64).double().eval()
    fill(module, list(module.state_dict()), entry["golden"]["fill_order"])

    output = module(*golden_inputs(entry))

    assert golden_error(output, entry) < 1e-9


@pytest.mark.parametrize(
    ("backbone", "count"), [(resnet50, "24.848"), (resnet101, "42.308")], ids=["50", "101"]
)
def test_pyconvresnet_has_the_published_parameters(backbone, count):
    with torch.device("meta"):
        network = backbone(mix=PYCONV_STAGES)

    assert millions(network) == count


@pytest.mark.parametrize(
    ("levels", "widths"),
    [(1, [64]), (2, [32, 32]), (3, [16, 16, 32]), (4, [16] * 4), (5, [8, 8, 16, 16, 16])],
)
def test_pyconv_gives_the_larger_kernels_the_larger_share(levels, widths):
    module = PyConv(64, kernels=(3, 5, 7, 9, 11)[:levels], groups=(1, 2, 2, 4, 4)[:levels])

    assert [level.out_channels for level in module.levels] == widths


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"planes": 66}, "planes = 66 is not divisible by 4, which 4 levels need"),
        ({"planes": 96}, "planes = 96 gives a level of 24 channels, not divisible by 16 groups"),
        ({"planes": 64, "kernels": (3, 5)}, "2 kernels need as many groups, not 4"),
        ({"planes": 64, "kernels": (4,), "groups": (1,)}, r"kernels = \(4,\) are not all odd"),
    ],
)
def test_pyconv_refuses_what_it_cannot_build(arguments, words):
    with pytest.raises(ValueError, match=words):
        PyConv(**arguments)


# CoConv -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backbone", [resnet50, resnet101], ids=["50", "101"])
def test_coconvresnet_costs_what_resnet_costs(backbone):
    with torch.device("meta"):
        plain, contextual = backbone(), backbone(mix=COCONV_STAGES)

    assert parameters(contextual) == parameters(plain)
    assert macs(contextual, [1, 3, 224, 224]) == macs(plain, [1, 3, 224, 224])


def test_coconvresnet_50_has_the_published_counts():
    network = resnet50(mix=COCONV_STAGES)

    assert millions(network) == "25.557"
    assert published(network) == "4.122"


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    ("dilations", "widths"),
    [((1,), [16]), ((1, 2), [8, 8]), ((1, 2, 3), [8, 4, 4]), ((1, 2, 3, 4, 5), [4, 4, 4, 2, 2])],
)
def test_coconv_gives_the_near_context_the_larger_share(dilations, widths, stride):
    module = scattered(CoConv(16, stride, dilations))
    x = maps(2, 16, 9, 7)

    output = module(x)

    pieces = [
        slow_conv(x, level.weight, stride, dilation)
        for level, dilation in zip(module.levels, dilations, strict=True)
    ]
    assert [piece.shape[1] for piece in pieces] == widths
    assert near(output, torch.cat(pieces, 1))


def test_coconv_refuses_planes_that_do_not_divide():
    build = partial(CoConv, dilations=(1, 2, 3))

    with pytest.raises(ValueError, match="planes = 30 is not divisible by 4, which 3 levels need"):
        build(30)
