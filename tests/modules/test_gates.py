from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from modules.attention.cbam import CBAM, ChannelGate, SpatialGate
from modules.attention.coordinate import CoordinateAttention
from modules.attention.cpca import CPCA
from modules.attention.dual import CAM, PAM, DualAttention
from modules.attention.eca import ECA
from modules.attention.ela import ELA
from modules.attention.ema import EMA
from modules.attention.fca import FCA, cosines
from modules.attention.gc import GC
from modules.attention.mspa import SPR
from modules.attention.scconv import CRU, SRU, SCConv
from modules.attention.se import SE
from modules.attention.shuffle import ShuffleAttention
from modules.attention.simam import SimAM
from modules.attention.sk import SK, DilatedSK
from modules.attention.spa import SPA
from modules.attention.srm import SRM
from modules.attention.triplet import TripletAttention
from modules.backbones.network import kaiming
from modules.backbones.resnet import Block, Held, basic, resnet50
from tests.references import REFERENCES, fill, golden_error, golden_inputs, parameters

bare_channel = partial(ChannelGate, bias=False, floor=1)
bare_cbam = partial(CBAM, bias=False, norm=False)


def short_eca(channels: int) -> ECA:
    return ECA(channels, k=1 if channels < 96 else 3)


def spatial(channels: int, kernel: int = 7) -> SpatialGate:
    return SpatialGate(kernel, norm=False)


def cbam_block(channels: int) -> Block:
    return basic(channels, channels, 1, Held(gate=partial(bare_cbam, reduction=4)))


GATES: dict[str, Callable[[int], nn.Module]] = {
    "mspa.SPR(r=16)": SPR,
    "mspa.GC(r=16)": GC,
    "mspa.DALayer": DualAttention,
    "mspa.SE(r=16,bias)": SE,
    "mspa.CBAM(r=16,bias,k7+BN)": CBAM,
    "mspa.ECA(auto k)": ECA,
    "mspa.SRM": SRM,
    "mspa.TripletAttention(k7)": TripletAttention,
    "mspa.SimAM(lambda=0.1)": SimAM,
    "mspa.SA(groups=64)": ShuffleAttention,
    "scsa.SE(r=16,nobias)": partial(SE, bias=False),
    "scsa.SEConv(r=16,BN)": partial(SE, bias=False, norm=True),
    "scsa.ECA(k=1 if C<96 else 3)": short_eca,
    "scsa.EMA(factor=32)": EMA,
    "scsa.CA(r=32)": CoordinateAttention,
    "scsa.CBAM(r=16,nobias,k7)": partial(bare_cbam, floor=8),
    "scsa.ELA(k=7,gn16)": ELA,
    "scsa.SA(g=64)": ShuffleAttention,
    "scsa.CPCA(r=16)": CPCA,
    "scsa.SC(SRU+CRU)": SCConv,
    "scsa.SK(num=2,k3,groups=1,r=16)": DilatedSK,
    "scsa.FCA(top16,r=16,dct=fmap[C])": partial(FCA, base=64),
    "scsa.DualAttention": DualAttention,
    "emanet-repo.FCA(top16,r16,dct=fmap[C])": partial(FCA, base=64),
    "emanet-repo.CBAM.ChannelAttention(r=16)": partial(bare_channel, reduction=16),
    "emanet-repo.CBAM.SpatialAttention(k7)": spatial,
    "emanet-repo.sa_layer(g=64)": ShuffleAttention,
    "emanet-repo.eca_layer(k=3)": partial(ECA, k=3),
    "zoo.SE(r=16,nobias)": partial(SE, bias=False),
    "zoo.SK(M=2,G=1,r=2,L=32)": partial(SK, groups=1, reduction=2),
    "zoo.SK(M=2,G=32,r=16,L=32)": SK,
    "zoo.CBAM.ChannelAttention(ratio=4)": partial(bare_channel, reduction=4),
    "zoo.CBAM.SpatialAttention(k7)": spatial,
    "zoo.CBAM.SpatialAttention(k3)": partial(spatial, kernel=3),
    "zoo.CBAM.BasicBlock(C->C)": cbam_block,
    "zoo.GC(ratio=1/16,att,add)": GC,
    "zoo.GC(ratio=1/16,att,add+mul)": partial(GC, multiply=True),
    "zoo.GC(ratio=1/16,avg,mul)": partial(GC, attention=False, add=False, multiply=True),
    "zoo.SA(groups=64)": ShuffleAttention,
    "zoo.SA(groups=8)": partial(ShuffleAttention, groups=8),
    "zoo.ECA(k=3)": partial(ECA, k=3),
    "zoo.DANet.PAM": PAM,
    "zoo.DANet.CAM": CAM,
    "zoo.TripletAttention(k7)": TripletAttention,
}
ENTRIES = [
    (prefix, channels)
    for prefix in GATES
    for channels in (64, 128, 512)
    if f"module/{prefix}/C={channels}" in REFERENCES
]
GOLDEN = [(p, c) for p, c in ENTRIES if "golden" in REFERENCES[f"module/{p}/C={c}"]]

# these put the mean before the maximum where ours has the maximum first
MEAN_FIRST = {
    "scsa.CBAM(r=16,nobias,k7)",
    "emanet-repo.CBAM.SpatialAttention(k7)",
    "zoo.CBAM.SpatialAttention(k3)",
    "zoo.CBAM.BasicBlock(C->C)",
}


def macs(build: Callable[[], nn.Module], shape: list[int]) -> int:
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        build().eval()(torch.empty(shape))
    return counter.get_total_flops() // 2


def random(build: Callable[[], nn.Module]) -> nn.Module:
    """Draw every parameter and statistic, also those that start at zero or one."""
    torch.manual_seed(0)
    module = build().double().eval()
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.2, 1.0)
    return module


def test_no_reference_is_lost() -> None:
    assert len(ENTRIES) == 128
    assert len(GOLDEN) == 33
    assert MEAN_FIRST.issubset(prefix for prefix, _ in GOLDEN)


@pytest.mark.parametrize(("prefix", "channels"), ENTRIES)
def test_parameters_and_macs_are_those_of_the_reference(prefix: str, channels: int) -> None:
    entry = REFERENCES[f"module/{prefix}/C={channels}"]
    build = partial(GATES[prefix], channels)

    with torch.device("meta"):
        size = parameters(build())

    assert size == entry["params"]
    assert macs(build, entry["input"]) == entry["macs"]
    assert macs(build, [1, channels, 32, 32]) == entry["macs_32x32"]


@pytest.mark.parametrize(("prefix", "channels"), GOLDEN)
def test_the_output_is_that_of_the_reference(prefix: str, channels: int) -> None:
    entry = REFERENCES[f"module/{prefix}/C={channels}"]
    module = GATES[prefix](channels).double().eval()
    state = module.state_dict()
    fill(
        module,
        [name for name, tensor in state.items() if tensor.is_floating_point()],
        entry["golden"]["fill_order"],
    )
    if prefix in MEAN_FIRST:
        kernel = next(tensor for tensor in state.values() if tensor.shape[:2] == (1, 2))
        kernel.copy_(kernel.flip(1))

    with torch.no_grad():
        output = module(*golden_inputs(entry))

    assert golden_error(output, entry) < 1e-9


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def arrays(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in module.state_dict().items()}


def test_coordinate_attention_gates_each_row_and_each_column() -> None:
    module = random(partial(CoordinateAttention, 8))
    x = torch.randn(1, 8, 3, 5, dtype=torch.float64)
    w = arrays(module)

    def gate(profile: np.ndarray, name: str) -> np.ndarray:
        hidden = w["reduce.weight"][:, :, 0, 0] @ profile - w["norm.running_mean"]
        hidden = hidden / np.sqrt(w["norm.running_var"] + 1e-5) * w["norm.weight"]
        hidden = hidden + w["norm.bias"]
        hidden = hidden * np.clip(hidden + 3, 0, 6) / 6
        return sigmoid(w[f"{name}.weight"][:, :, 0, 0] @ hidden + w[f"{name}.bias"])

    y = module(x).detach().numpy()[0]

    image = x.numpy()[0]
    for row in range(3):
        for column in range(5):
            across = gate(image[:, row].mean(1), "rows")
            down = gate(image[:, :, column].mean(1), "columns")
            np.testing.assert_allclose(
                y[:, row, column], image[:, row, column] * across * down, rtol=1e-12
            )


def depthwise(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    rows, columns = weight.shape[2:]
    padded = np.pad(x, ((0, 0), (rows // 2, rows // 2), (columns // 2, columns // 2)))
    y = np.zeros_like(x) + bias[:, None, None]
    for down in range(rows):
        for across in range(columns):
            window = padded[:, down : down + x.shape[1], across : across + x.shape[2]]
            y += weight[:, :, down, across][:, :, None] * window
    return y


def test_cpca_weighs_channels_then_pixels_and_mixes_three_times() -> None:
    module = random(partial(CPCA, 16))
    x = torch.randn(1, 16, 6, 4, dtype=torch.float64)
    w = arrays(module)

    def mix(x: np.ndarray) -> np.ndarray:
        return (
            np.einsum("oi,ihw->ohw", w["mix.weight"][:, :, 0, 0], x) + w["mix.bias"][:, None, None]
        )

    def gate(pooled: np.ndarray) -> np.ndarray:
        hidden = w["channel.reduce.weight"][:, :, 0, 0] @ pooled + w["channel.reduce.bias"]
        logits = w["channel.expand.weight"][:, :, 0, 0] @ np.maximum(hidden, 0)
        return sigmoid(logits + w["channel.expand.bias"])

    y = module(x).detach().numpy()[0]

    mixed = nn.GELU()(torch.from_numpy(mix(x.numpy()[0]))).numpy()
    channels = gate(mixed.mean((1, 2))) + gate(mixed.max((1, 2)))
    weighed = mixed * channels[:, None, None]
    near = depthwise(weighed, w["near.weight"], w["near.bias"])
    total = near.copy()
    for strip in range(3):
        names = [f"strips.{strip}.{part}" for part in (0, 1)]
        along = near
        for name in names:
            along = depthwise(along, w[f"{name}.weight"], w[f"{name}.bias"])
        total += along
    np.testing.assert_allclose(y, mix(weighed * mix(total)), rtol=1e-10)


def test_spa_in_every_block_meets_the_published_row() -> None:
    entry = REFERENCES["network/resnet50+SPA/cifar100"]
    build = partial(resnet50, gate=SPA, stem="cifar", num_classes=100)

    with torch.device("meta"):
        size = parameters(build())

    assert size == entry["params"]
    assert macs(build, entry["input"]) == entry["macs"]


def test_spa_scales_its_input_by_the_pyramid_gate() -> None:
    module = random(partial(SPA, 16))
    x = torch.randn(2, 16, 5, 3, dtype=torch.float64)

    weights = module.get_submodule("gate")(x)

    torch.testing.assert_close(module(x), x * weights.expand_as(x))


@pytest.mark.parametrize(("base", "expansion"), [(256, 4), (64, 1)])
def test_fca_takes_the_map_sizes_of_a_resnet(base: int, expansion: int) -> None:
    sizes = [FCA(expansion * planes, base=base).size for planes in (64, 128, 256, 512)]

    assert sizes == [56, 28, 14, 7]


def test_fca_neither_grows_nor_shrinks_its_map_beyond_those() -> None:
    assert FCA(16).size == 56
    assert FCA(4096).size == 7
    assert FCA(64, size=20).size == 20


@pytest.mark.parametrize("size", [7, 14, 30, 56])
def test_the_cosines_of_fca_are_orthonormal(size: int) -> None:
    basis = cosines(size, 16).flatten(1)

    torch.testing.assert_close(basis @ basis.T, torch.eye(16), rtol=0, atol=1e-5)


def test_the_first_frequency_of_fca_is_the_average() -> None:
    average = torch.full((1, 1, 7, 7), 1 / 7)

    torch.testing.assert_close(cosines(7, 1), average)


def test_simam_lets_a_larger_strength_flatten_its_weights() -> None:
    x = torch.randn(1, 4, 8, 8)

    spread = [(SimAM(4, strength)(x) / x).std() for strength in (1e-4, 1e-1, 1e3)]

    assert spread[0] > spread[1] > spread[2]


def test_sru_loses_nothing_of_the_normed_map() -> None:
    module = random(partial(SRU, 16))
    x = torch.randn(2, 16, 5, 3, dtype=torch.float64)

    first, second = module(x).chunk(2, dim=1)

    left, right = module.get_submodule("norm")(x).chunk(2, dim=1)
    torch.testing.assert_close(first + second, left + right)
    assert not torch.allclose(first, left)


def test_sk_strides_as_the_convolution_it_replaces() -> None:
    module = SK(64, stride=2)

    assert module(torch.randn(2, 64, 9, 6)).shape == (2, 64, 5, 3)
    assert module.channels == 64


def twice(x: Tensor) -> Tensor:
    return 2 * x


def shuffled(x: Tensor) -> Tensor:
    return nn.ChannelShuffle(2)(x) * torch.tensor(1.0).sigmoid()


@pytest.mark.parametrize(
    ("gate", "start"),
    [
        (PAM, nn.Identity()),
        (CAM, nn.Identity()),
        (DualAttention, twice),
        (GC, nn.Identity()),
        (partial(ShuffleAttention, groups=1), shuffled),
    ],
)
def test_a_start_of_its_own_outlives_the_initialisation_of_the_block(
    gate: Callable[[int], nn.Module], start: Callable[[Tensor], Tensor]
) -> None:
    module = gate(16)
    x = torch.randn(2, 16, 5, 3)

    kaiming(module)

    torch.testing.assert_close(module(x), start(x))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (partial(ShuffleAttention, 64), "channels = 64 is not divisible by 2 * 64; Shuffle"),
        (partial(EMA, 48), "channels = 48 is not divisible by 32 groups"),
        (partial(ELA, 24), "channels = 24 is not divisible by 16 groups"),
        (partial(ELA, 32, kernel=4), "kernel = 4 is even; ELA needs an odd kernel"),
        (partial(TripletAttention, 32, kernel=4), "kernel = 4 is even; TripletAttention needs"),
        (partial(FCA, 24), "channels = 24 is not divisible by 16 frequencies"),
        (partial(FCA, 32, frequencies=17), "frequencies = 17 is not within 1 to 16"),
        (partial(FCA, 32, size=5), "size = 5 is under 7"),
        (partial(GC, 32, add=False), "add and multiply are both off; GC then changes nothing"),
        (partial(CPCA, 32, strips=(7, 8)), "strips = (7, 8) has an even one; CPCA needs odd"),
        (partial(SRU, 18), "channels = 18 is not divisible by 4 groups and by 2 halves"),
        (partial(CRU, 20), "channels = 20 is not divisible by 8: two halves, squeezed 2 times"),
        (partial(SK, 48), "planes = 48 is not divisible by 32 groups"),
        (partial(DilatedSK, 48, groups=32), "channels = 48 is not divisible by 32 groups"),
        (partial(DilatedSK, 48, kernel=2), "kernel = 2 is even; DilatedSK needs an odd kernel"),
    ],
)
def test_a_refusal_names_the_value_and_the_rule(build: Callable[[], nn.Module], words: str) -> None:
    with pytest.raises(ValueError) as refusal:
        build()

    assert str(refusal.value).startswith(words)


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (SRM, "SRM takes a standard deviation over pixels; a 1x1 map has one pixel"),
        (SimAM, "SimAM takes a variance over pixels; a 1x1 map has one pixel"),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_spread_over_one_pixel_is_refused(
    gate: Callable[[int], nn.Module], words: str, device: str
) -> None:
    module = gate(8).to(device)

    with pytest.raises(ValueError) as refusal:
        module(torch.empty(2, 8, 1, 1, device=device))

    assert str(refusal.value) == words
