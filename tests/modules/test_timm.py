"""Where timm has the same mechanism, ours computes the same with its weights.

Left out are those of timm's `create_attn` that no paper of the zoo has (effective SE, lambda,
bottleneck, halo and bilinear attention), and its Gather-Excite, which timm 1.0.31 cannot build: its
perceptron gets an activation twice.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import modules as zoo
from tests.modules.definitions import maps, near, scattered

layers = pytest.importorskip("timm.layers")
timm_cbam = pytest.importorskip("timm.layers.cbam")
ghostnet = pytest.importorskip("timm.models.ghostnet")


def tensors(module: nn.Module) -> list[Tensor]:
    return [t for k, t in module.state_dict().items() if not k.endswith("num_batches_tracked")]


def copied(ours: nn.Module, theirs: nn.Module) -> nn.Module:
    """Give ours the tensors of theirs, in the same order."""
    ours = ours.double().eval()
    for tensor, value in zip(tensors(ours), tensors(theirs), strict=True):
        tensor.copy_(value.view_as(tensor))
    return ours


def cbam() -> tuple[nn.Module, nn.Module]:
    """timm puts the mean before the maximum and has no biases."""
    theirs = scattered(timm_cbam.CbamModule(64))
    ours = copied(zoo.CBAM(64, bias=False), theirs)
    weight = ours.spatial.conv.weight
    weight.data.copy_(weight.data.flip(1).clone())
    return ours, theirs


def context() -> tuple[nn.Module, nn.Module]:
    """timm multiplies by default where the paper adds, and norms with another epsilon."""
    theirs = scattered(layers.GlobalContext(64, fuse_add=True, fuse_scale=False, rd_ratio=1 / 16))
    theirs.mlp_add.norm.eps = 1e-5
    return copied(zoo.GC(64, reduction=64 // theirs.mlp_add.fc1.out_channels), theirs), theirs


def non_local() -> tuple[nn.Module, nn.Module]:
    """timm scales the products by default where the paper does not, and pools no keys."""
    theirs = scattered(layers.NonLocalAttn(64, use_scale=False, rd_ratio=0.5))
    ours = zoo.NonLocal(64, pool=1).double()
    order = nn.ModuleList([theirs.g, theirs.z, theirs.norm, theirs.t, theirs.p])
    return copied(ours, order), theirs


def kernels() -> tuple[nn.Module, nn.Module]:
    theirs = scattered(layers.SelectiveKernel(64, split_input=False))
    return copied(zoo.DilatedSK(64, reduction=8), theirs), theirs


PAIRS: dict[str, Callable[[], tuple[nn.Module, nn.Module]]] = {
    "cbam": cbam,
    "gc": context,
    "nl": non_local,
    "sk": kernels,
}
# those whose tensors come in the same order and whose defaults fit
SAME: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module]]] = {
    "se": (lambda: zoo.SE(64, reduction=8), lambda: layers.SEModule(64)),
    "eca": (lambda: zoo.ECA(64), lambda: layers.EcaModule(64)),
    "eca wide": (lambda: zoo.ECA(2048), lambda: layers.EcaModule(2048)),
    "splat": (
        lambda: zoo.SplitAttention(64),
        lambda: layers.SplitAttn(64, norm_layer=nn.BatchNorm2d),
    ),
    "splat, groups": (
        lambda: zoo.SplitAttention(64, groups=2, radix=4),
        lambda: layers.SplitAttn(64, groups=2, radix=4, norm_layer=nn.BatchNorm2d),
    ),
    "mixed": (
        lambda: zoo.MixConv(10),
        lambda: layers.MixedConv2d(10, 10, [3, 5, 7], depthwise=True),
    ),
    "ghost": (lambda: zoo.Ghost(64), lambda: ghostnet.GhostModule(64, 64)),
    "swish": (zoo.Swish, layers.Swish),
    "mish": (zoo.Mish, layers.Mish),
}


@pytest.mark.parametrize("name", [*SAME, *PAIRS])
def test_ours_computes_what_timm_s_does(name: str) -> None:
    if name in SAME:
        mine, other = SAME[name]
        theirs = scattered(other())
        ours = copied(mine(), theirs)
    else:
        ours, theirs = PAIRS[name]()
    channels = {"mixed": 10, "eca wide": 2048}.get(name, 64)
    x = maps(2, channels, 7, 5)

    output, expected = ours.eval()(x), theirs.eval()(x)

    assert near(output, expected)


def test_cond_conv_mixes_kernels_as_timm_does() -> None:
    ours = scattered(zoo.CondConv(8, experts=4, bias=False)).eval()
    theirs = layers.CondConv2d(8, 8, 3, padding=1, bias=False, num_experts=4).double()
    theirs.weight.data.copy_(ours.weight.flatten(1))
    x = maps(2, 8, 7, 5)

    output = ours(x)

    routing = torch.sigmoid(ours.route(x.mean((2, 3))))
    assert near(output, theirs(x, routing))
