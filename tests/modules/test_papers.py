"""What the papers' own code counts and computes, module by module, block by block."""

import re
from collections.abc import Callable, Sequence
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from modules.attention.ma import MA, ConvMixer, SoftBAN
from modules.attention.mspa import MSPA, SPR
from modules.attention.psa import PSA
from modules.attention.scsa import SCSA
from modules.attention.se import SEGate
from modules.attention.spem import SPEM
from modules.backbones.resnet import Held, bottleneck, resnet50, resnet164
from tests.references import REFERENCES, fill, golden_error, golden_inputs, parameters


def quarter_mixer(channels: int) -> ConvMixer:
    return ConvMixer(channels, channels // 4)


BUILDS: dict[str, Callable[[int], nn.Module]] = {
    "mspa.SPR(r=16)": SPR,
    "mspa.MSA(scale=3,w=C,normal,s1)": partial(MSPA, omega=64),
    "mspa.MSA(scale=3,w=C,stage,s2 dilated)": partial(MSPA, omega=64, stride=2),
    "scsa.SCSA(head=1,win=7,avg,sigmoid)": SCSA,
    "scsa.SCSA(head=8)": partial(SCSA, heads=8),
    "scsa.SCSA(qkv_bias=True)": partial(SCSA, qkv_bias=True),
    "scsa.SCSA(window=-1 global pool)": partial(SCSA, window=None),
    "scsa.SCSA(window=7,max_pool)": partial(SCSA, pool="maximum"),
    "emanet.MAModule(k3579,g1/4/8/16)": MA,
    "emanet.MAModule(stride=2)": partial(MA, stride=2),
    "emanet.SoftBAN2d": SoftBAN,
    "emanet.SEWModule(r=16)": SEGate,
    "emanet.ConvMixer1(C->C/4,k3,g1,mixer9)": quarter_mixer,
    "epsanet.PSAModule(k3579,g1/4/8/16)": PSA,
}
OURS = ("mspa.SPR", "mspa.MSA", "scsa.SCSA", "emanet.", "epsanet.")
IDS = [key for key in REFERENCES if key.startswith(tuple(f"module/{name}" for name in OURS))]
GOLDEN_IDS = [key for key in IDS if "golden" in REFERENCES[key]]


def build(key: str) -> nn.Module:
    spec, _, channels = key.removeprefix("module/").rpartition("/C=")
    return BUILDS[spec](int(channels))


def macs(module: nn.Module, shape: Sequence[int]) -> int:
    with FlopCounterMode(display=False) as counter:
        module(torch.empty(shape, device="meta"))
    return counter.get_total_flops() // 2


def filled_names(module: nn.Module) -> list[str]:
    return [name for name in module.state_dict() if not name.endswith("num_batches_tracked")]


def attention_first(names: Sequence[str]) -> list[str]:
    """SPEM's released block registers the attention before its convolutions."""
    blocks: dict[str, list[str]] = {}
    for name in names:
        block = re.split(r"(?:^|\.)(?:residual|gate|shortcut)\.", name)[0]
        blocks.setdefault(block, []).append(name)
    return [name for block in blocks.values() for name in sorted(block, key=after_the_gate)]


def after_the_gate(name: str) -> bool:
    return "gate." not in name


def test_every_reference_of_these_papers_is_judged():
    assert len(IDS) == 42
    assert len(GOLDEN_IDS) == 11


@pytest.mark.parametrize("key", IDS)
def test_a_module_costs_what_the_papers_code_costs(key):
    entry = REFERENCES[key]
    with torch.device("meta"):
        module = build(key)

    output = module(torch.empty(entry["input"], device="meta"))

    assert list(output.shape) == entry["output_56"]
    assert parameters(module) == entry["params"]
    assert macs(module, entry["input"]) == entry["macs"]
    assert macs(module, [*entry["input"][:2], 32, 32]) == entry["macs_32x32"]


@pytest.mark.parametrize("key", GOLDEN_IDS)
def test_a_module_computes_what_the_papers_code_computes(key):
    entry = REFERENCES[key]
    module = build(key).double().eval()
    fill(module, filled_names(module), entry["golden"]["fill_order"])

    output = module(*golden_inputs(entry))

    assert golden_error(output, entry) < 1e-9


BLOCKS: dict[str, tuple[Callable[[], nn.Module], Callable[[Sequence[str]], list[str]]]] = {
    "golden/spem.Bottleneck(in=16,planes=16,downsample 1x1+BN) input (x,0)": (
        partial(bottleneck, 16, 16, 1, Held(gate=SPEM)),
        attention_first,
    ),
    "golden/spem.ResNet29 bottleneck cifar10 (depth=29)": (
        partial(resnet164, depths=(3, 3, 3), gate=SPEM, num_classes=10),
        attention_first,
    ),
    "golden/mspa.MSPABlock(in=64,planes=64,s1,downsample,30w3s,stage)": (
        partial(bottleneck, 64, 64, 1, Held(mix=MSPA)),
        list,
    ),
    "golden/mspa.MSPANet-S-50 cifar100": (
        partial(resnet50, mix=partial(MSPA, omega=28), stem="cifar", num_classes=100),
        list,
    ),
    "golden/emanet.EMABlock(in=256,planes=64)": (
        partial(bottleneck, 256, 64, 1, Held(mix=MA)),
        list,
    ),
    "golden/emanet.emanet50 cifar10": (
        partial(resnet50, mix=MA, stem="cifar", num_classes=10),
        list,
    ),
    "golden/scsa.BottleneckSCSA(in=256,out=256)": (
        partial(bottleneck, 256, 64, 1, Held(inner=SCSA)),
        list,
    ),
}


def test_every_golden_block_and_network_is_judged():
    assert set(BLOCKS) == {key for key in REFERENCES if key.startswith("golden/")}


@pytest.mark.parametrize("key", BLOCKS)
def test_a_block_or_network_computes_what_the_papers_code_computes(key):
    entry = REFERENCES[key]
    construct, reorder = BLOCKS[key]
    module = construct().double().eval()
    order = reorder(filled_names(module))
    fill(module, order)

    outputs = [module(*golden_inputs(entry)), *penalty_sum(module)]

    expected = entry["golden"]["output"]
    assert len(order) == entry["golden"]["fill_count"]
    for output, golden in zip(
        outputs, expected if isinstance(expected, list) else [expected], strict=True
    ):
        assert golden_error(output, {"golden": {"output": golden}}) < 1e-9


def penalty_sum(module: nn.Module) -> list[Tensor]:
    """SPEM's networks return the sum of p^2 as their second output, before alpha."""
    gates = [part for part in module.modules() if isinstance(part, SPEM)]
    return [torch.stack([gate.penalty() / gate.alpha for gate in gates]).sum()] if gates else []
