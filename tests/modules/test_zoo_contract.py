"""What the zoo's modules without a site keep to, how all refuse, and a step of training of each."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

import modules as zoo
from modules.backbones.resnet import resnet50
from tests.modules.definitions import scattered
from tests.modules.test_contract import ARGUMENTS, KINDS

Maps = tuple[int, ...]

# built at 64 channels, with the shapes of what they take at 13x11
SITELESS: dict[str, tuple[Callable[[], nn.Module], list[Maps]]] = {
    "ASPPBranch": (partial(zoo.ASPPBranch, 64, 6), [(2, 64, 13, 11)]),
    "BorderAlign": (zoo.BorderAlign, [(2, 64, 13, 11), (2, 5, 4)]),
    "DCASE": (partial(zoo.DCASE, 64, 32), [(2, 64, 13, 11), (2, 32)]),
    "Gram": (zoo.Gram, [(2, 64, 13, 11)]),
    "ObjectContext": (partial(zoo.ObjectContext, 64), [(2, 64, 13, 11), (2, 64, 19, 1)]),
    "PyramidPooling": (partial(zoo.PyramidPooling, 64), [(2, 64, 13, 11)]),
    "SPHead": (partial(zoo.SPHead, 64, 19), [(2, 64, 13, 11)]),
    "SPP": (zoo.SPP, [(2, 64, 13, 11)]),
    "SpatialGather": (zoo.SpatialGather, [(2, 64, 13, 11), (2, 19, 13, 11)]),
    "EffNet": (zoo.EffNet, [(2, 3, 32, 32)]),
}
every_one = pytest.mark.parametrize("name", SITELESS)


def first(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    return output if isinstance(output, Tensor) else output[0]


@every_one
def test_a_gradient_reaches_every_parameter_of_it(name: str) -> None:
    build, shapes = SITELESS[name]
    module = scattered(build()).train()
    inputs = [torch.rand(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]

    output = first(module(*inputs))
    (output * output.detach().cos()).sum().backward()

    assert output.isfinite().all()
    assert all(p.grad is not None and p.grad.any() for p in module.parameters())
    assert all(x.grad is not None and x.grad.isfinite().all() for x in inputs)


@every_one
def test_it_tells_its_shape_without_data_and_keeps_half_precision(name: str) -> None:
    build, shapes = SITELESS[name]
    module = build().eval()
    inputs = [torch.rand(shape) for shape in shapes]
    with torch.device("meta"):
        shadow, empty = build().eval(), [torch.empty(shape) for shape in shapes]

    expected = first(module(*inputs))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = first(module(*(x.bfloat16() if x.dim() == 4 else x for x in inputs)))

    assert first(shadow(*empty)).shape == expected.shape
    assert half.dtype == torch.bfloat16


@pytest.mark.slow
@every_one
def test_compiled_whole_it_computes_the_same(name: str) -> None:
    torch.compiler.reset()
    build, shapes = SITELESS[name]
    module = scattered(build()).eval()
    inputs = [torch.rand(shape, dtype=torch.float64) for shape in shapes]

    output = torch.compile(module, fullgraph=True, backend="aot_eager")(*inputs)

    torch.testing.assert_close(first(output), first(module(*inputs)))


@pytest.mark.parametrize("name", KINDS)
def test_one_step_of_training_leaves_numbers(name: str) -> None:
    kind = getattr(zoo, name)
    torch.manual_seed(0)
    held = kind if kind.site == "act" else partial(kind, **ARGUMENTS.get(name, {}))
    network = resnet50(depths=(1,), stem="strided", num_classes=4, **{kind.site: held})
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    images, labels = torch.randn(4, 3, 16, 16), torch.arange(4)

    losses = []
    for _ in range(2):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(network(images), labels)
        loss.backward()
        optimiser.step()
        losses.append(loss)

    assert all(loss.isfinite() for loss in losses)
    assert losses[1] != losses[0]
    assert all(p.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (partial(zoo.SGE, 96), "channels = 96 is not divisible by 64 groups"),
        (partial(zoo.ULSAM, 10), "channels = 10 is not divisible by 4 splits"),
        (partial(zoo.GSoP, 64, fusion="sum"), "fusion = 'sum' is not one of channels, pixels"),
        (partial(zoo.NonLocal, 64, kind="dots"), "kind = 'dots' is not one of embedded, gaussian"),
        (partial(zoo.EfficientAttention, 12), "channels = 12 leaves 12 keys, not divisible by 8"),
        (partial(zoo.GeneralisedAttention, 64, terms="0000"), "terms = '0000' is not four digits"),
        (partial(zoo.GeneralisedAttention, 12), "channels = 12 is not divisible by 8 heads"),
        (partial(zoo.IAU, 64, parts=1), "parts = 1 leaves a part nothing to interact with"),
        (partial(zoo.LightNL, 64, kernel=2), "kernel = 2 is even; LightNL needs an odd kernel"),
        (partial(zoo.SAN, 12), "planes = 12 is not divisible by 8 channels a weight"),
        (partial(zoo.SAN, 16, kernel=4), "kernel = 4 is even; SAN needs an odd window"),
        (partial(zoo.SplitAttention, 6, groups=2), "planes = 6 is not divisible by 4: 2 groups"),
        (partial(zoo.SelfCalibrated, 7), "planes = 7 is not divisible by 2 halves"),
        (partial(zoo.ACBlock, 8, kernel=2), "kernel = 2 is even; ACBlock needs an odd kernel"),
        (partial(zoo.DOConv, 8, depth=5), "depth = 5 is under 9, the area of the kernel"),
        (partial(zoo.PSConv, 12, groups=2), "planes = 12 is not divisible by 8: 4 parts in 2"),
        (partial(zoo.PSConv, 12, parts=3), "parts = 3 is odd; PSConv pairs those half of them"),
        (partial(zoo.SPConv, 6), "planes = 6 gives 3 representative channels, not divisible by 2"),
        (partial(zoo.SPConv, 8, ratio=1.0), "ratio = 1.0 leaves one side of 8 planes without"),
        (partial(zoo.DGC, 6), "planes = 6 is not divisible by 4 heads"),
        (partial(zoo.Ghost, 8, ratio=1), "ratio = 1 leaves no ghosts; Ghost needs 2"),
        (partial(zoo.Ghost, 8, cheap=2), "cheap = 2 is even; Ghost needs odd kernels"),
        (partial(zoo.MixConv, 2), "planes = 2 leaves one of 3 kernels no channel"),
        (partial(zoo.MixConv, 8, kernels=(3, 4)), "kernels = (3, 4) are not all odd"),
        (partial(zoo.BlazeBlock, 8, out=4), "out = 4 is under 8 planes; a BlazeBlock only widens"),
        (partial(zoo.SSH, 7), "channels = 7 is not divisible by 2 halves"),
        (partial(zoo.RFB, 8), "channels = 8 leaves branches of 1 channels, which is under 2"),
        (partial(zoo.SlimConv, 6), "planes = 6 is not divisible by 4; SlimConv returns quarters"),
        (partial(zoo.PyramidPooling, 6), "channels = 6 is not divisible by 4 sizes"),
    ],
)
def test_a_refusal_names_the_value_and_the_rule(build: Callable[[], nn.Module], words: str) -> None:
    with pytest.raises(ValueError) as refusal:
        build()

    assert str(refusal.value).startswith(words)


@pytest.mark.parametrize(
    ("module", "shapes", "words"),
    [
        (zoo.SGE(64), [(1, 64, 1, 1)], "SGE takes a standard deviation over pixels; a 1x1 map has"),
        (zoo.SAN(16), [(1, 16, 3, 9)], "a 3x9 map is too small to reflect 3 pixels at its edge"),
        (zoo.BorderAlign(), [(1, 6, 8, 8), (1, 1, 4)], "a map of 6 channels has none for each of"),
        (zoo.WeightedFusion(8), [(1, 8, 4, 4)], "1 maps; this WeightedFusion has 2 weights"),
    ],
    ids=["SGE", "SAN", "BorderAlign", "WeightedFusion"],
)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_size_it_cannot_take_is_refused_in_words(
    module: nn.Module, shapes: list[Maps], words: str, device: str
) -> None:
    inputs = [torch.rand(shape, device=device) for shape in shapes]

    with pytest.raises(ValueError) as refusal:
        module.to(device)(*inputs)

    assert str(refusal.value).startswith(words)
