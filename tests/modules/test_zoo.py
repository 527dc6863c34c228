"""The attention zoo's entries: parameters and MACs at every listed width, and golden outputs."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import modules
from modules.blocks.do_conv import DOConv
from tests.modules.test_gates import GATES
from tests.modules.zoo_table import GSOP, RUN, ZOO, second_inputs
from tests.references import REFERENCES, fill, golden_error, golden_inputs, parameters

ENTRIES = [
    (name, channels)
    for name in ZOO
    for channels in (64, 128, 512)
    if f"module/{name}/C={channels}" in REFERENCES
]
MACS = [case for case in ENTRIES if REFERENCES[f"module/{case[0]}/C={case[1]}"].get("macs")]
GOLDEN = [case for case in ENTRIES if "golden" in REFERENCES[f"module/{case[0]}/C={case[1]}"]]


def entry(name: str, channels: int) -> dict:
    return REFERENCES[f"module/{name}/C={channels}"]


def built(name: str, channels: int, side: int) -> nn.Module:
    """Build what an entry counts; Gather-Excite's kernel is as large as the map."""
    if name == "zoo.GE(spatial=H)":
        return modules.GatherExcite(channels, size=side)
    return RUN.get(name, ZOO[name])(channels)


def macs(name: str, channels: int, side: int, shape: list[int]) -> int:
    with torch.device("meta"):
        module = built(name, channels, side).eval()
        first = [*shape[:2], *((side, side) if len(shape) == 4 else (1, 1))]
        inputs = [torch.empty(size) for size in (first, *second_inputs(name, first))]
    if name.startswith("zoo.SematicEmbbed"):
        inputs[0] = inputs[0][:, :, ::2, ::2]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*inputs)
    return counter.get_total_flops() // 2


def test_every_module_reference_is_judged_and_by_one_file() -> None:
    files = {
        "gates": set(GATES),
        "zoo": set(ZOO),
        "gsop": {f"upstream.GSoP att={key}" for key in GSOP},
        "others": {"zoo.PyConv(k3579,g1/4/8/16,C/4 each)"},
    }
    names = {key.split("/", 1)[1].split("/C=")[0] for key in REFERENCES if key[:7] == "module/"}
    families = {name.split(" planes=")[0] for name in names}
    elsewhere = {
        name
        for name in families
        if name.startswith(("mspa.MSA", "scsa.SCSA", "emanet.", "epsanet"))
    }

    known = [name for group in files.values() for name in group]

    assert len(known) == len(set(known))
    assert families - set(known) == elsewhere
    assert (len(ENTRIES), len(MACS), len(GOLDEN)) == (238, 194, 49)


@pytest.mark.parametrize(("name", "channels"), ENTRIES)
def test_it_has_the_reference_s_parameters(name: str, channels: int) -> None:
    reference = entry(name, channels)
    with torch.device("meta"):
        module = (
            modules.GatherExcite(channels, size=56) if name[:6] == "zoo.GE" else ZOO[name](channels)
        )

    count = parameters(module)
    if isinstance(module, DOConv):  # the reference keeps the fixed identities among them
        count += channels * module.identity.numel()

    assert count == reference["params"]


@pytest.mark.parametrize(("name", "channels"), MACS)
def test_it_costs_what_the_reference_costs(name: str, channels: int) -> None:
    reference = entry(name, channels)

    # counted on 8x8 maps, whatever the entry's input says
    sides = (8, 8) if "upstream.IA(" in name else (56, 32)
    costs = [macs(name, channels, side, reference["input"]) for side in sides]
    if "APNB" in name:  # the reference maps keys, which are its queries too, twice
        costs = [cost + channels**2 // 2 * side**2 for cost, side in zip(costs, sides, strict=True)]

    assert costs == [reference["macs"], reference["macs_32x32"]]


@pytest.mark.parametrize("key", GSOP)
@pytest.mark.parametrize("planes", [64, 128, 256, 512])
def test_gsop_has_the_reference_s_parameters(key: str, planes: int) -> None:
    with torch.device("meta"):
        module = modules.GSoP(4 * planes, fusion=GSOP[key])

    reference = REFERENCES[f"module/upstream.GSoP att={key} planes={planes} att_dim=128"]
    assert parameters(module) == reference["params"]


def flawed(name: str, module: nn.Module) -> nn.Module:
    """Take away what the original leaves out by mistake, so that its output can be compared."""
    if name == "zoo.scSE":
        module.channel.relu = nn.Identity()
    if name.startswith("zoo.BiSeNet.ARM"):
        module.norm = nn.Identity()
    if name.startswith("zoo.ASPP"):
        module.relu = nn.Identity()
    if name.startswith("zoo.ULSAM"):
        for space in module.subspaces:
            space.depthwise = nn.Identity()
    if name.startswith("zoo.iAFF"):
        module.second.context = module.first.context
    if name.startswith("zoo.PSG"):  # its fill writes over what its constructor had masked
        module.served.fill_(False)
    if name.startswith("zoo.DGC"):  # its fresh buffer leaves nothing out
        module.inactive = 0
    if name.startswith("zoo.ContextGating"):  # stored as what vectors are multiplied by
        module.weigh.weight.data = module.weigh.weight.data.transpose(0, 1).contiguous()
    if name.startswith("zoo.SPPLayer"):  # the third grid: cells apart over a padded map
        module.pools[2] = nn.MaxPool2d(6, 6, padding=1)
    return module


def filled(name: str, channels: int) -> nn.Module:
    """Build with the golden values, in our order of registration, which is the reference's."""
    module = built(name, channels, 16).double().eval()
    order = REFERENCES[f"module/{name}/C={channels}"]["golden"]["fill_order"]
    ours = [key for key in module.state_dict() if not key.endswith("num_batches_tracked")]
    fill(module, ours, order[: len(ours)])
    return flawed(name, module)


BLOCK = "zoo.SCNet.SCBottleneck(in=4C,planes=C)"
ORDERED = [case for case in GOLDEN if case[0] != BLOCK]


@pytest.mark.parametrize(("name", "channels"), ORDERED)
def test_it_computes_what_the_reference_computes(name: str, channels: int) -> None:
    reference = entry(name, channels)
    module = filled(name, channels)
    inputs = [x if x.dim() == 4 else x[:, :, None, None] for x in golden_inputs(reference)]
    if "DCANet" in name:
        inputs.append(torch.cos(0.03 * torch.arange(1, 129, dtype=torch.float64)).view(2, 64))
    if "Weighted" in name:
        inputs += [inputs[0].flip(2), inputs[0].flip(3)]

    with torch.no_grad():
        output = module(*inputs)

    golden = reference["golden"]["output"]
    golden = dict(enumerate(golden)) if isinstance(golden, list) else golden
    if "DGC" in name:
        output = (output, module.lasso(*inputs).detach())
    results = output if isinstance(output, tuple) else (output,)
    parts = [golden] if "shape" in golden else [golden[key] for key in sorted(golden)]
    for result, part in zip(results, parts, strict=True):
        shaped = result.reshape(part["shape"])
        assert golden_error(shaped, {"golden": {"output": part}}) < 1e-9


def test_scnet_s_bottleneck_computes_what_the_reference_computes() -> None:
    reference = entry(BLOCK, 64)
    block = ZOO[BLOCK](64).double().eval()
    first, second, rest = (nn.ModuleList() for _ in range(3))
    for branch in (first, second):
        branch.extend([nn.Conv2d(256, 32, 1, bias=False), nn.BatchNorm2d(32)])
    entered = [block.residual[place] for place in (0, 1)]
    rest.extend(block.residual[place] for place in (3, 7, 8))
    pieces = nn.ModuleList([first, second, rest]).double()
    ours = [key for key in pieces.state_dict() if not key.endswith("num_batches_tracked")]
    fill(pieces, ours, reference["golden"]["fill_order"])
    for layer, *halves in zip(entered, first, second, strict=True):
        for key, tensor in layer.state_dict().items():
            if tensor.dim():
                tensor.copy_(torch.cat([half.state_dict()[key] for half in halves]))

    with torch.no_grad():
        output = block(*golden_inputs(reference))

    assert golden_error(output, reference) < 1e-9
