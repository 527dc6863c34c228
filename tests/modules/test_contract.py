"""What every module with a site keeps to, whatever it computes."""

from collections.abc import Mapping
from contextlib import nullcontext
from fnmatch import fnmatch

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import modules
from tests.modules.definitions import scattered

CHANNELS = 64
SITES = {"mix", "inner", "gate", "fuse", "after", "act"}


def has(name: str, attribute: str) -> bool:
    return hasattr(getattr(modules, name), attribute)


KINDS = [name for name in modules.__all__ if has(name, "site")]
CASES = [
    pytest.param(name, stride, id=name if stride == 1 else f"{name}-strided")
    for name in KINDS
    for stride in ((1, 2) if getattr(modules, name).site == "mix" else (1,))
]
every_case = pytest.mark.parametrize(("name", "stride"), CASES)

# where the defaults cannot take 64 channels
ARGUMENTS: Mapping[str, Mapping[str, object]] = {"ShuffleAttention": {"groups": 16}}

# biases whose gradient cancels out: a norm or a softmax behind them takes a shift away
SILENT: Mapping[str, tuple[str, ...]] = {
    "AFF": ("gate.*.0.bias", "gate.*.3.bias"),
    "AFNB": (
        *("attend.key.0.bias", "attend.value.bias", "attend.out.bias", "join.0.bias"),
        "query.0.bias",
    ),
    "APNB": ("attend.key.0.bias", "attend.value.bias", "attend.out.bias", "join.0.bias"),
    "ARM": ("conv.bias",),
    "BAM": ("channel.1.bias", "pixel.0.bias", "pixel.3.bias", "pixel.6.bias"),
    "BlazeBlock": ("first.0.bias", "first.1.bias", "first.2.bias"),
    "CrissCross": ("key.bias",),
    "DoubleAttention": ("gather.bias",),
    "DualAttention": ("position.key.bias",),
    "EfficientAttention": ("key.bias",),
    "GC": ("pool.mask.bias",),
    "GSoP": ("channel.reduce.bias",),
    "Grounding": ("attend.out.0.bias",),
    "IAFF": ("first.*.0.bias", "first.*.3.bias", "second.*.0.bias", "second.*.3.bias"),
    "IAU": (
        *("channel.out.bias", "parts.edge.0.bias", "parts.edge.1.bias", "parts.mask.0.bias"),
        *("parts.out.bias", "parts.reduce.bias", "parts.update.0.bias"),
    ),
    "MSCAM": ("gate.*.0.bias", "gate.*.3.bias"),
    "NonLocal": ("key.bias", "out.0.bias", "value.bias"),
    "OCR": ("regions.bias",),
    "PAM": ("key.bias",),
    "RFB": ("branches.0.4.bias", "branches.1.7.bias", "branches.2.10.bias"),
    "RFBs": ("branches.0.4.bias", "branches.[12].7.bias", "branches.3.10.bias"),
    "SAN": ("key.bias", "query.bias", "weigh.perceptron.5.bias", "weigh.place.bias"),
    "SK": ("branches.?.0.bias",),
    "SPConv": ("cheap.bias",),
    "SSH": ("far.0.bias", "far.3.bias", "near.0.bias", "stem.0.bias"),
    "SplitAttention": ("reduce.bias",),
    "ULSAM": ("subspaces.?.depthwise.0.bias", "subspaces.?.pointwise.0.bias"),
}

# what CUDA's autocast computes in float32, and the CPU's in bfloat16
FLOAT32 = {
    *("softmax", "softplus", "log_softmax", "group_norm", "layer_norm", "normalize", "norm"),
    *("sum", "prod", "cumsum", "cumprod", "pow", "__pow__", "__rpow__"),
    *("exp", "expm1", "log", "log1p", "log2", "rsqrt", "reciprocal", "__rdiv__", "__rtruediv__"),
}


class AsOnCuda(TorchFunctionMode):
    """Widen what CUDA's autocast widens, to see on a CPU whether a module narrows it again."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        output = func(*args, **(kwargs or {}))
        widened = func.__name__ in FLOAT32 and isinstance(output, Tensor)
        return output.float() if widened and output.dtype == torch.bfloat16 else output


def build(name: str, stride: int = 1) -> nn.Module:
    kind, arguments = getattr(modules, name), ARGUMENTS.get(name, {})
    torch.manual_seed(0)
    if kind.site == "act":
        return kind(**arguments)
    if kind.site == "mix":
        return kind(CHANNELS, stride, **arguments)
    return kind(CHANNELS, **arguments)


def inputs(module: nn.Module, size: tuple[int, int], batch: int = 2) -> list[Tensor]:
    """One map for most sites, the residual and the shortcut for `fuse`."""
    channels = module.channels if module.site == "mix" else CHANNELS
    generator = torch.Generator().manual_seed(1)
    shape = (batch, channels, *size)
    count = 2 if module.site == "fuse" else 1
    return [torch.randn(shape, generator=generator) for _ in range(count)]


def doubled(module: nn.Module, size: tuple[int, int], batch: int = 2) -> list[Tensor]:
    return [x.double().requires_grad_() for x in inputs(module, size, batch)]


def test_the_zoo_is_not_empty():
    assert len(KINDS) >= 4
    assert {getattr(modules, name).site for name in KINDS} <= SITES


@every_case
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("size", [(13, 11), (7, 7), (1, 1)], ids=["13x11", "7x7", "1x1"])
def test_it_keeps_the_shape_or_refuses_the_size_in_words(name, stride, size, training):
    module = build(name, stride).train(training)
    given = inputs(module, size)
    kept = [x.clone() for x in given]

    try:
        output = module(*given)
    except ValueError as refusal:
        assert size != (13, 11)
        assert len(str(refusal).split()) > 4
        return

    height, width = ((side + stride - 1) // stride for side in size)
    returned = getattr(module, "returned", given[0].shape[1])
    assert output.shape == (given[0].shape[0], returned, height, width)
    assert output.isfinite().all()
    assert all(torch.equal(x, before) for x, before in zip(given, kept, strict=True))


@pytest.mark.parametrize("name", [name for name in KINDS if getattr(modules, name).site == "mix"])
def test_a_mix_says_how_many_channels_it_works_on(name):
    module = build(name)

    assert isinstance(module.channels, int)


@every_case
def test_a_gradient_reaches_every_parameter(name, stride):
    module = scattered(build(name, stride)).train()  # a zero at the start would stop gradients
    output = module(*doubled(module, (13, 11)))
    penalty = module.penalty() if hasattr(module, "penalty") else 0

    ((output * output.detach().cos()).sum() + penalty).backward()

    gradients = {key: parameter.grad for key, parameter in module.named_parameters()}
    largest = {key: float(g.abs().max()) for key, g in gradients.items()}
    # rounding leaves something of what cancels out
    silent = {key for key, slope in largest.items() if slope <= 1e-10 * max(largest.values())}
    expected = {key for key in gradients for held in SILENT.get(name, ()) if fnmatch(key, held)}
    assert silent == expected
    assert all(g.isfinite().all() for g in gradients.values())


@every_case
def test_its_gradient_is_the_slope_of_its_output(name, stride):
    module = scattered(build(name, stride)).eval()
    given = doubled(module, (7, 7), batch=1)

    assert torch.autograd.gradcheck(module, given, fast_mode=True)


@every_case
def test_its_state_makes_another_instance_the_same(name, stride):
    module, other = scattered(build(name, stride)).eval(), build(name, stride).double().eval()
    given = [x.detach() for x in doubled(module, (13, 11))]

    other.load_state_dict(module.state_dict(), strict=True)

    assert torch.equal(other(*given), module(*given))


@every_case
def test_the_same_seed_starts_it_the_same(name, stride):
    first, second = build(name, stride).state_dict(), build(name, stride).state_dict()

    assert list(first) == list(second)
    assert all(torch.equal(first[key], second[key]) for key in first)


@every_case
@pytest.mark.parametrize("rules", [nullcontext, AsOnCuda], ids=["cpu", "cuda"])
def test_under_autocast_it_returns_what_a_convolution_returns(name, stride, rules):
    module = build(name, stride)
    given = inputs(module, (13, 11))
    conv = nn.Conv2d(given[0].shape[1], given[0].shape[1], 1)

    with torch.autocast("cpu", dtype=torch.bfloat16), rules():
        output = module(*(conv(x) for x in given))

    assert output.dtype == torch.bfloat16


@every_case
def test_it_tells_its_output_shape_without_data(name, stride):
    module = build(name, stride)
    given = inputs(module, (13, 11))
    expected = module(*given).shape

    with torch.device("meta"):
        shadow = build(name, stride)
    output = shadow(*(x.to("meta") for x in given))

    assert output.is_meta
    assert output.shape == expected


@pytest.mark.parametrize("name", [name for name in KINDS if has(name, "initialise")])
def test_a_start_of_its_own_can_be_set_again(name):
    module, fresh = scattered(build(name)), build(name).double().state_dict()
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}

    module.initialise()

    after = module.state_dict()
    started = [key for key in after if not torch.equal(after[key], before[key])]
    assert started
    assert all(torch.equal(after[key], fresh[key]) for key in started)


@pytest.mark.parametrize("name", [name for name in KINDS if has(name, "penalty")])
def test_a_penalty_is_one_finite_number_with_a_gradient(name):
    module = build(name)

    penalty = module.penalty()

    assert penalty.shape == ()
    assert penalty.isfinite()
    assert penalty.requires_grad


@pytest.mark.slow
@every_case
def test_compiled_whole_it_computes_the_same(name, stride):
    torch.compiler.reset()
    module = scattered(build(name, stride)).eval()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    ours, theirs = doubled(module, (13, 11)), doubled(module, (13, 11))

    expected, output = module(*ours), compiled(*theirs)
    expected.sum().backward()
    output.sum().backward()

    torch.testing.assert_close(output, expected)
    for compiled_x, eager_x in zip(theirs, ours, strict=True):
        torch.testing.assert_close(compiled_x.grad, eager_x.grad)
