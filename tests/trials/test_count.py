"""Every operator is counted as by hand, or refused by its name."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from trials.cost import measure
from trials.count import FREE, RULES, UncountedError

CHANNELS, SIZE = 64, 8
PIXELS = SIZE * SIZE
SHAPE = (CHANNELS, SIZE, SIZE)


class Function(nn.Module):
    """A module that is a function of its input."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class OnTokens(nn.Module):
    """Hands (n, h * w, c) to a layer."""

    def __init__(self, layer: Callable[[], nn.Module], times: int = 1) -> None:
        super().__init__()
        self.layer, self.times = layer(), times

    def forward(self, x: Tensor) -> Tensor:
        found = self.layer(*[tokens(x)] * self.times)
        return found[0] if isinstance(found, tuple) else found


class Deformable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.offset = nn.Conv2d(CHANNELS, 18, 3, padding=1)
        self.conv = torchvision.ops.DeformConv2d(CHANNELS, 32, 3, padding=1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x, self.offset(x))


def tokens(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


def attended(x: Tensor) -> Tensor:
    heads = tokens(x).unflatten(2, (4, 16)).transpose(1, 2)
    return F.scaled_dot_product_attention(heads, heads, heads)


def grouped_queries(x: Tensor) -> Tensor:
    heads = tokens(x).unflatten(2, (4, 16)).transpose(1, 2)
    few = heads[:, :2]
    return F.scaled_dot_product_attention(heads, few, few, enable_gqa=True)


def into(product: Callable[..., Tensor]) -> Callable[[Tensor], Tensor]:
    """Write a product into a tensor that is there already."""

    def function(x: Tensor) -> Tensor:
        left = tokens(x)[0]
        return product(left, left.T, out=left.new_empty(PIXELS, PIXELS))

    return function


def summed_in_place(x: Tensor) -> Tensor:
    left = tokens(x)[0]
    return left.new_zeros(PIXELS, PIXELS).addmm_(left, left.T)


def sampled(x: Tensor) -> Tensor:
    grid = F.affine_grid(x.new_zeros(1, 2, 3), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def own(function: Callable[[Tensor], Tensor]) -> Callable[[], nn.Module]:
    return partial(Function, function)


# four projections of every token, then queries by keys and weights by values
ATTENTION = 4 * PIXELS * CHANNELS * CHANNELS + 2 * PIXELS * PIXELS * CHANNELS
EXACT = {
    "attention": (partial(OnTokens, partial(nn.MultiheadAttention, 64, 4), 3), None),
    "attention on pixels": (
        partial(OnTokens, partial(nn.MultiheadAttention, CHANNELS, 4, batch_first=True), 3),
        ATTENTION,
    ),
    "transformer": (
        partial(OnTokens, partial(nn.TransformerEncoderLayer, CHANNELS, 4, 128, batch_first=True)),
        ATTENTION + 2 * PIXELS * CHANNELS * 128,
    ),
    "fused attention": (own(attended), 2 * PIXELS * PIXELS * CHANNELS),
    "shared keys": (own(grouped_queries), 2 * PIXELS * PIXELS * CHANNELS),
    "deformable": (
        Deformable,
        PIXELS * 9 * CHANNELS * 18 + PIXELS * 9 * CHANNELS // 2 * 32,
    ),
    "grouped": (partial(nn.Conv2d, CHANNELS, 32, 3, groups=8, padding=1), PIXELS * 9 * 8 * 32),
    "strided and dilated": (
        partial(nn.Conv2d, CHANNELS, 32, 3, stride=2, padding=2, dilation=2),
        PIXELS // 4 * 9 * CHANNELS * 32,
    ),
    "transposed": (
        partial(nn.ConvTranspose2d, CHANNELS, 32, 4, stride=2, padding=1, groups=4),
        PIXELS * 16 * CHANNELS * 8,
    ),
    "einsum": (own(lambda x: torch.einsum("nchw,ndhw->ncd", x, x)), CHANNELS**2 * PIXELS),
    "einsum that is a sum": (own(lambda x: torch.einsum("nchw->nc", x)), 0),
    "matrix and vector": (own(lambda x: x.flatten(2)[0] @ x[0, 0].flatten()), CHANNELS * PIXELS),
    "two vectors": (own(lambda x: x[0, 0].flatten() @ x[0, 1].flatten()), PIXELS),
    "vector added": (
        own(lambda x: torch.addmv(x[0, 0, 0], x[0, 0], x[0, 0, 1])),
        SIZE * SIZE,
    ),
    "sum of products": (
        own(lambda x: torch.addbmm(x.new_zeros(CHANNELS, CHANNELS), tokens(x).mT, tokens(x))),
        CHANNELS**2 * PIXELS,
    ),
    "products added": (
        own(lambda x: torch.baddbmm(x.new_zeros(1, 64, 64), tokens(x), tokens(x).mT)),
        PIXELS**2 * CHANNELS,
    ),
    "in place": (own(summed_in_place), PIXELS**2 * CHANNELS),
    "into another": (own(into(torch.mm)), PIXELS**2 * CHANNELS),
    "powers": (own(lambda x: torch.matrix_power(x, 3)), 2 * CHANNELS * SIZE**3),
    "lstm": (
        partial(OnTokens, partial(nn.LSTM, CHANNELS, 32, batch_first=True)),
        PIXELS * 4 * 32 * (CHANNELS + 32),
    ),
    "gru": (
        partial(OnTokens, partial(nn.GRU, CHANNELS, 32, batch_first=True)),
        PIXELS * 3 * 32 * (CHANNELS + 32),
    ),
    "unfolded": (
        own(lambda x: F.unfold(x, 3, padding=1).mT @ x.new_zeros(9 * CHANNELS, 4)),
        PIXELS * 9 * CHANNELS * 4,
    ),
    "affine grid": (own(sampled), PIXELS * 2 * 3),
    "compiled": (
        lambda: torch.compile(nn.Conv2d(CHANNELS, 8, 1), backend="eager"),
        PIXELS * CHANNELS * 8,
    ),
    "mapped": (
        own(lambda x: torch.vmap(lambda y: y @ y.mT)(x)),
        CHANNELS * SIZE**3,
    ),
}
# torch treats the first axis as time: 64 rows of one token each, in 4 heads of 16
EXACT["attention"] = (EXACT["attention"][0], 4 * PIXELS * CHANNELS**2 + 2 * PIXELS * CHANNELS)


@pytest.mark.parametrize("name", EXACT)
def test_a_product_is_counted_as_by_hand(name: str) -> None:
    build, macs = EXACT[name]

    assert measure(build, SHAPE).macs == macs


REFUSED = {
    "fft": (torch.fft.rfft2, "aten::_fft_r2c"),
    "distances": (lambda x: torch.cdist(tokens(x), tokens(x)), "aten::_euclidean_dist"),
    "distances by sums": (
        lambda x: torch.cdist(tokens(x), tokens(x), p=1),
        "aten::_cdist_forward",
    ),
    "inverse": (torch.linalg.inv, "aten::linalg_inv_ex"),
    "exponential": (torch.matrix_exp, "aten::linalg_matrix_exp"),
    "bilinear form": (
        lambda x: F.bilinear(x[0, 0], x[0, 0], x.new_zeros(5, SIZE, SIZE)),
        "aten::_trilinear",
    ),
    "outer product": (lambda x: torch.addr(x[0, 0], x[0, 0, 0], x[0, 0, 0]), "aten::addr"),
    "sums of rows": (
        lambda x: F.embedding_bag(x.new_zeros(1, 4, dtype=torch.long), x[0, 0]),
        "aten::_embedding_bag_forward_only",
    ),
    "in time": (
        lambda x: torch.conv_tbc(x[0], x.new_zeros(3, SIZE, 4), x.new_zeros(4)),
        "aten::conv_tbc",
    ),
    "decomposition": (torch.linalg.svdvals, "aten::_linalg_svd"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_operator_without_a_rule_is_refused_by_name(name: str) -> None:
    function, operator = REFUSED[name]

    with pytest.raises(UncountedError) as refusal:
        measure(own(function), SHAPE)

    assert str(refusal.value) == (
        f"the operator {operator} has no cost rule; give it one in the space file: "
        f"rules = {{'{operator}': lambda *args, out: ...}} returns its multiply-accumulates"
    )


@pytest.mark.parametrize("name", REFUSED)
def test_a_rule_makes_it_count(name: str) -> None:
    function, operator = REFUSED[name]

    cost = measure(own(function), SHAPE, {operator: lambda *args, out: 7})

    assert cost.macs == 7


def test_a_rule_of_ones_own_goes_before_the_common_one() -> None:
    build = partial(nn.Conv2d, CHANNELS, 32, 1)
    seen = []

    def rule(image: Tensor, weight: Tensor, *rest: object, out: Tensor) -> int:
        seen.append((tuple(image.shape), tuple(weight.shape), tuple(out.shape)))
        return 11

    cost = measure(build, SHAPE, {"aten::convolution": rule})

    assert cost.macs == 11
    assert seen == [((1, *SHAPE), (32, CHANNELS, 1, 1), (1, 32, SIZE, SIZE))]


@pytest.mark.parametrize("wrong", [None, -1, 2.5])
def test_a_rule_that_returns_no_count_is_named(wrong: object) -> None:
    with pytest.raises(UncountedError, match=r"the rule of aten::_fft_r2c returned .*whole number"):
        measure(own(torch.fft.rfft2), SHAPE, {"aten::_fft_r2c": lambda *args, out: wrong})


def test_an_operator_of_ones_own_is_refused_until_it_has_a_rule() -> None:
    @torch.library.custom_op("attention_search_test::gram", mutates_args=())
    def gram(x: Tensor) -> Tensor:
        return x @ x.mT

    @gram.register_fake
    def _(x: Tensor) -> Tensor:
        return x.new_empty(*x.shape[:-1], x.shape[-2])

    name = "attention_search_test::gram"
    rules = {name: lambda x, out: out.numel() * x.shape[-1]}

    with pytest.raises(UncountedError, match=f"the operator {name} has no cost rule"):
        measure(own(gram), SHAPE)
    assert measure(own(gram), SHAPE, rules).macs == CHANNELS * SIZE**3


def test_an_operator_without_a_shape_for_meta_tensors_is_run_on_the_cpu() -> None:
    @torch.library.custom_op("attention_search_test::doubled", mutates_args=())
    def doubled(x: Tensor) -> Tensor:
        return x * 2

    name = "attention_search_test::doubled"

    with pytest.raises(UncountedError, match=f"the operator {name} has no cost rule"):
        measure(own(doubled), SHAPE)
    assert measure(own(doubled), SHAPE, {name: lambda x, out: 5}).macs == 5


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_attention_that_would_be_compiled_is_counted_as_it_is_written() -> None:
    from torch.nn.attention.flex_attention import flex_attention

    def function(x: Tensor) -> Tensor:
        heads = tokens(x).unflatten(2, (4, 16)).transpose(1, 2).contiguous()
        return flex_attention(heads, heads, heads)

    assert measure(own(function), SHAPE).macs == 2 * PIXELS * PIXELS * CHANNELS


def test_an_operator_of_higher_order_is_refused_by_name() -> None:
    def function(x: Tensor) -> Tensor:
        return torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,))

    with pytest.raises(UncountedError, match="the operator cond has no cost rule"):
        measure(own(function), SHAPE)


def test_what_numpy_computes_is_refused() -> None:
    def function(x: Tensor) -> Tensor:
        values = x.flatten(1).numpy()
        return torch.from_numpy(values @ values.T)

    with pytest.raises(UncountedError, match="what numpy computes cannot be counted"):
        measure(own(function), SHAPE)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.mul_(x.new_zeros(1, 32, 1, 1)),
        lambda x: x + x.new_zeros(1, 32, 1, 1),
        lambda x: F.conv2d(x, x.new_zeros(8, 32, 1, 1)),
        lambda x: F.conv2d(x, x.new_zeros(8, CHANNELS, 9, 9)),
        lambda x: F.batch_norm(x, x.new_zeros(32), x.new_zeros(32)),
        lambda x: x.flatten(1) @ x.flatten(1),
    ],
)
def test_what_does_not_fit_is_not_counted(function: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(RuntimeError):
        measure(own(function), SHAPE)


def test_the_bytes_of_results_are_counted_and_those_of_views_are_not() -> None:
    build = own(lambda x: (x + 1).flatten(1).sigmoid_().half())

    assert measure(build, SHAPE).activations == CHANNELS * PIXELS * (4 + 2)


def test_nothing_free_is_called_like_a_product() -> None:
    words = ("mm", "mv", "dot", "conv", "fft", "linalg", "attention", "linear", "product")
    harmless = {"cummax", "cummin", "linalg_vector_norm", "_linalg_check_errors"}

    suspects = {name for name in FREE if any(word in name for word in words)}

    assert {name for name in suspects if "upsample" not in name} == harmless
    assert not FREE & {name.partition("::")[2] for name in RULES}


def test_counts_are_half_of_torchs_own_flops() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 36, 5))
    with torch.no_grad(), FlopCounterMode(display=False) as theirs:
        network(torch.zeros(1, 3, 8, 8))

    ours = measure(lambda: network, (3, 8, 8))

    assert ours.macs == theirs.get_total_flops() // 2 == 8 * 36 * 27 + 8 * 36 * 5
