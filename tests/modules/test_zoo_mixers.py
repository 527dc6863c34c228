"""Mixers without a golden output, against a slow and obvious second version."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import modules as zoo
from modules.blocks.mix_conv import shares
from tests.modules.definitions import maps, near, scattered, slow_conv, slow_norm
from tests.modules.test_zoo_pixels import point
from tests.references import parameters

# in place of the 3x3 ------------------------------------------------------------------------------


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_an_acb_fuses_into_one_convolution(stride: int, kernel: int) -> None:
    module = scattered(zoo.ACBlock(8, stride, kernel)).eval()
    x = maps(2, 8, 7, 6)

    fused = module.fused()

    assert parameters(fused) == 64 * kernel**2 + 8
    assert near(fused(x), module(x))


@pytest.mark.parametrize(
    "arguments",
    [{}, {"groups": 4, "bias": False}, {"dilation": 2, "padding": "same"}, {"stride": 2}],
    ids=str,
)
@pytest.mark.parametrize("affine", [True, False])
def test_a_norm_folds_into_any_convolution(arguments: dict, affine: bool) -> None:
    conv = scattered(nn.Conv2d(8, 12, 3, **arguments)).eval()
    norm = scattered(nn.BatchNorm2d(12, affine=affine)).eval()
    x = maps(2, 8, 7, 6)

    fused = zoo.fuse_norm(conv, norm)

    assert near(fused(x), norm(conv(x)))


def test_a_norm_without_statistics_is_not_folded() -> None:
    norm = nn.BatchNorm2d(4, track_running_stats=False)

    with pytest.raises(ValueError, match="a norm that tracks no statistics cannot be folded"):
        zoo.fuse_norm(nn.Conv2d(4, 4, 1), norm)


@pytest.mark.parametrize(("stride", "depth"), [(1, None), (2, None), (1, 12)])
def test_do_conv_multiplies_its_kernels_out(stride: int, depth: int | None) -> None:
    module = scattered(zoo.DOConv(4, stride, depth=depth, bias=True)).eval()
    module.identity.copy_(torch.eye(*module.identity.shape))
    x = maps(2, 4, 6, 5)

    output = module(x)

    kernel = torch.zeros(4, 4, 3, 3, dtype=torch.float64)
    for out, channel, place in product(range(4), range(4), range(9)):
        column = module.mixture[channel, place] + module.identity[place]
        kernel[out, channel, place // 3, place % 3] = column @ module.weight[out, channel]
    assert near(output, slow_conv(x, kernel, stride, 1) + module.bias.view(4, 1, 1))
    assert near(module.fused()(x), output)


def test_do_conv_starts_as_the_plain_convolution() -> None:
    module = zoo.DOConv(4)

    kernels = module.kernels().flatten(2)

    assert torch.equal(kernels, module.weight)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
def test_ps_conv_gives_each_pair_of_channels_one_dilation(groups: int, stride: int) -> None:
    module = scattered(zoo.PSConv(16, stride, parts=4, groups=groups)).eval()
    x = maps(1, 16, 9, 7)

    output = module(x)

    width = 16 // groups
    part = width // 4
    sums = [torch.zeros(()) for _ in range(16)]
    for out, channel in product(range(16), range(16)):
        if out // width != channel // width:
            continue
        apart = (out % width // part - channel % width // part) % 4
        if apart == 0:
            weight, gap = module.near.weight[out, channel % part], 1
        elif apart == 2:
            weight, gap = module.far.weight[out, channel % part], 2
        else:
            weight, gap = module.dense.weight[out, channel % width], 1
        seen = slow_conv(x[:, channel : channel + 1], weight[None, None], stride, gap)
        sums[out] = sums[out] + seen[0, 0]
    assert near(output[0], torch.stack(sums))


@pytest.mark.parametrize("stride", [1, 2])
def test_sp_conv_lets_the_rich_and_the_cheap_half_compete(stride: int) -> None:
    module = scattered(zoo.SPConv(8, stride)).eval()
    x = maps(1, 8, 7, 5)  # one image is enough, and any stride

    output = module(x)

    def halved(y: Tensor) -> Tensor:
        starts = product(range(0, 7, stride), range(0, 5, stride))
        cells = [y[:, :, r : r + stride, c : c + stride].mean((2, 3)) for r, c in starts]
        return torch.stack(cells, 2).view(1, -1, -(-7 // stride), -(-5 // stride))

    rich, cheap = x.chunk(2, 1)
    grouped = [
        slow_conv(half, weight, stride, 1)
        for half, weight in zip(rich.chunk(2, 1), module.grouped.weight.chunk(2), strict=True)
    ]
    first = torch.cat(grouped, 1) + point(module.pointwise, halved(rich))
    first = slow_norm(first, module.rich_norm)
    second = slow_norm(point(module.cheap, halved(cheap)), module.cheap_norm)
    logits = torch.stack([first.mean((2, 3)), second.mean((2, 3))])
    weights = logits.softmax(0)[..., None, None]
    assert near(output, weights[0] * first + weights[1] * second)


def test_per_image_kernels_are_one_convolution_each() -> None:
    x = maps(3, 8, 6, 5)
    dynamic, conditional = (scattered(kind(8)).eval() for kind in (zoo.DynamicConv, zoo.CondConv))

    outputs = [module(x) for module in (dynamic, conditional)]

    for image, *results in zip(x, *outputs, strict=True):
        average = image.mean((1, 2))[None, :, None, None]
        hidden = point(dynamic.reduce, average).clamp(min=0)
        mixture = (point(dynamic.expand, hidden).flatten() / 34).softmax(0)
        kernel = sum(m * w for m, w in zip(mixture, dynamic.weight, strict=True))
        bias = sum(m * b for m, b in zip(mixture, dynamic.bias, strict=True))
        plain = slow_conv(image[None], kernel, 1, 1)[0] + bias.view(8, 1, 1)
        assert near(results[0], plain)
        route = conditional.route
        mixture = (route.weight @ average.flatten() + route.bias).sigmoid()
        kernel = sum(m * w for m, w in zip(mixture, conditional.weight, strict=True))
        plain = slow_conv(image[None], kernel, 1, 1)[0] + conditional.bias.view(8, 1, 1)
        assert near(results[1], plain)


@pytest.mark.parametrize("stride", [1, 2])
def test_dgc_keeps_each_image_s_most_salient_channels(stride: int) -> None:
    module = scattered(zoo.DGC(16, stride, kept=0.25)).eval()
    x = maps(2, 16, 6, 5)

    output = module(x)

    normal = slow_norm(x, module.norm).clamp(min=0)
    for image, result in zip(normal, output, strict=True):
        for index, head in enumerate(module.heads):
            hidden = (head.reduce.weight @ image.mean((1, 2))).clamp(min=0)
            saliency = (head.expand.weight @ hidden + head.expand.bias).clamp(min=0)
            kept = saliency.topk(4).indices
            seen = (image * saliency.view(-1, 1, 1))[None, kept]
            expected = slow_conv(seen, head.conv.weight[:, kept], stride, 1)[0]
            # the shuffle interleaves the heads
            assert near(result[index::4], expected)


def test_mix_conv_gives_each_group_of_channels_a_kernel() -> None:
    module = scattered(zoo.MixConv(10)).eval()
    x = maps(1, 10, 8, 7)

    output = module(x)

    start = 0
    for conv, width, kernel in zip(module.convs, (4, 3, 3), (3, 5, 7), strict=True):
        part = x[:, start : start + width]
        expected = F.conv2d(part, conv.weight, None, 1, kernel // 2, groups=width)
        assert near(output[:, start : start + width], expected)
        start += width


@pytest.mark.parametrize("planes", range(12, 300, 7))
@pytest.mark.parametrize("even", [True, False])
def test_mix_conv_shares_all_channels_out(planes: int, even: bool) -> None:
    widths = shares(planes, (3, 5, 7), even)

    assert sum(widths) == planes
    assert min(widths) > 0
    assert not even or max(widths) - min(widths) <= 1


@pytest.mark.parametrize("stride", [1, 2])
def test_effnet_strides_one_axis_at_a_time(stride: int) -> None:
    module = scattered(zoo.EffNetConv(4, stride)).eval()
    x = maps(1, 4, 5, 7)

    output = module(x)

    def activated(y: Tensor, norm: nn.BatchNorm2d) -> Tensor:
        return slow_norm(torch.where(y > 0, y, 0.3 * y), norm)

    row, column = module.along_row, module.along_column
    y = activated(F.conv2d(x, row[0].weight, None, 1, (0, 1), groups=4), row[2])
    y = torch.stack([y[:, :, r : r + stride].amax(2) for r in range(0, 5, stride)], 2)
    y = activated(F.conv2d(y, column[0].weight, None, 1, (1, 0), groups=4), column[2])
    y = F.pad(y, (0, stride - 1))
    ends = range(0, 7, stride)
    taken = [
        torch.einsum("oik,nihk->noh", module.mix.weight[:, :, 0], y[..., c : c + stride])
        for c in ends
    ]
    assert near(output, torch.stack(taken, 3))
