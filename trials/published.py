"""What papers print as FLOPs: sums over a network's layers by ptflops 0.6.9 and by thop 0.0.31.

Both watch modules of the classes they know. A functional product or a subclass costs nothing to
them, so it costs nothing here: these are the published columns, not the truth. Recurrent layers and
nn.MultiheadAttention, which they know as well, are left out.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Call(NamedTuple):
    """One use of a layer: the layer, the size of what went in, of what came out."""

    layer: nn.Module
    x: torch.Size
    y: torch.Size


Rule = Callable[[Call], int]
Rules = Mapping[type[nn.Module], Rule]


def ptflops06(network: nn.Module, shape: Iterable[int]) -> int:
    """Return the operations ptflops 0.6.9 prints for an input of `shape`, batch included."""
    return total(PTFLOPS_06, network, shape)


def thop0031(network: nn.Module, shape: Iterable[int]) -> int:
    """Return the operations thop 0.0.31 prints for an input of `shape`, batch included."""
    return total(THOP_0031, network, shape)


def thop_parameters(network: nn.Module) -> int:
    """Return the parameters thop 0.0.31 prints: those of the layers it has a rule for."""
    layers = (layer for layer in network.modules() if type(layer) in THOP_0031)
    return sum(weight.numel() for layer in layers for weight in layer.parameters())


def total(rules: Rules, network: nn.Module, shape: Iterable[int]) -> int:
    """Add up what the rules say of every call of a layer."""
    return sum(rules[type(call.layer)](call) for call in calls(network, shape, rules))


def calls(
    network: nn.Module, shape: Iterable[int], known: Collection[type[nn.Module]]
) -> list[Call]:
    """Return the calls of layers of the known classes while the network evaluates zeros."""
    seen: list[Call] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen.append(Call(layer, inputs[0].shape, output.shape))

    layers = list(network.modules())
    training = [layer for layer in layers if layer.training]
    hooks = [layer.register_forward_hook(note) for layer in layers if type(layer) in known]
    like = next(network.parameters(), torch.empty(0))
    try:
        with torch.no_grad():
            network.eval()(torch.zeros(*shape, device=like.device, dtype=like.dtype))
    finally:
        for hook in hooks:
            hook.remove()
        for layer in training:
            layer.training = True
    return seen


def inputs(call: Call, times: int = 1) -> int:
    """Count each element that goes in."""
    return times * call.x.numel()


def outputs(call: Call) -> int:
    """Count each element that comes out."""
    return call.y.numel()


def convolution(call: Call) -> int:
    """Count the products, and one addition an output where there is a bias."""
    weights = dict(call.layer.named_parameters())
    products = weights["weight"].numel() * call.y.numel() // call.y[1]
    return products + ("bias" in weights) * call.y.numel()


def linear(call: Call, bias: bool) -> int:
    """Count the products, and with `bias` one addition an output where there is one."""
    weights = dict(call.layer.named_parameters())
    return call.y.numel() * (call.x[-1] + (bias and "bias" in weights))


def norm(call: Call) -> int:
    """Count one for each element, two where the norm has a scale of its own."""
    return call.x.numel() * (2 if list(call.layer.parameters()) else 1)


def mean(call: Call) -> int:
    """Count for each output the additions and the division of an adaptive average."""
    window = math.prod(x // y for x, y in zip(call.x[2:], call.y[2:], strict=True))
    return (window + 1) * call.y.numel()


def interpolation(call: Call) -> int:
    """Count for each output what its neighbours and their weights take."""
    steps = {"nearest": 0, "linear": 5, "bilinear": 11, "bicubic": 259, "trilinear": 31}
    assert isinstance(call.layer, nn.Upsample)
    return steps.get(call.layer.mode, 0) * call.y.numel()


CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
INSTANCE_NORMS = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
MAXIMA = (
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
    *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
)
AVERAGES = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
ADAPTIVE_AVERAGES = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.GELU)

PTFLOPS_06: Rules = {
    **dict.fromkeys(CONVOLUTIONS, convolution),
    **dict.fromkeys((*BATCH_NORMS, *INSTANCE_NORMS, nn.GroupNorm), norm),
    **dict.fromkeys((*MAXIMA, *AVERAGES, *ADAPTIVE_AVERAGES), inputs),
    **dict.fromkeys((*ACTIVATIONS, nn.Upsample), outputs),
    nn.Linear: partial(linear, bias=True),
}
THOP_0031: Rules = {
    **dict.fromkeys(CONVOLUTIONS, convolution),
    **dict.fromkeys((*BATCH_NORMS, nn.SyncBatchNorm), partial(inputs, times=2)),
    **dict.fromkeys(ADAPTIVE_AVERAGES, mean),
    **dict.fromkeys((*AVERAGES, nn.LeakyReLU), outputs),
    **dict.fromkeys((nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d), interpolation),
    nn.Linear: partial(linear, bias=False),
}
