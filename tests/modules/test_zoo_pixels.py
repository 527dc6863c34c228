"""What has no golden output, against a slow and obvious second version."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import modules as zoo
from tests.modules.definitions import maps, near, scattered, slow_norm


def point(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """A 1x1 convolution as a product, of (n, c, ...)."""
    y = torch.einsum("oi,ni...->no...", layer.weight.flatten(1), x)
    if layer.bias is None:
        return y
    return y + layer.bias.view(-1, *[1] * (x.dim() - 2))


def pixels(x: Tensor) -> list[tuple[int, int]]:
    return list(product(range(x.shape[2]), range(x.shape[3])))


# pixels that look at pixels -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["embedded", "gaussian", "dot", "concatenation"])
@pytest.mark.parametrize("pool", [1, 2])
def test_non_local_sums_values_by_how_a_pair_fits(kind: str, pool: int) -> None:
    module = scattered(zoo.NonLocal(8, kind=kind, pool=pool)).eval()
    x = maps(1, 8, 5, 4)

    output = module(x)

    def pooled(t: Tensor) -> list[Tensor]:
        cells = product(range(0, 5, pool), range(0, 4, pool))
        return [t[0, :, r : r + pool, c : c + pool].amax((1, 2)) for r, c in cells]

    query = x if kind == "gaussian" else point(module.query, x)
    keys = pooled(x if kind == "gaussian" else point(module.key, x))
    values = pooled(point(module.value, x))
    expected = x.clone()
    for row, column in pixels(x):
        asked = query[0, :, row, column]
        if kind == "concatenation":
            pair = module.pair[0].weight.flatten()
            fits = torch.stack([(pair @ torch.cat([asked, key])).clamp(min=0) for key in keys])
        else:
            fits = torch.stack([asked @ key for key in keys])
        shares = fits / len(keys) if kind in ("dot", "concatenation") else fits.softmax(0)
        gathered = sum(share * value for share, value in zip(shares, values, strict=True))
        y = slow_norm(point(module.out[0], gathered[None, :, None, None]), module.out[1])
        expected[0, :, row, column] += y[0, :, 0, 0]
    assert near(output, expected)


def test_criss_cross_looks_along_its_row_and_column_twice() -> None:
    module = scattered(zoo.CrissCross(16)).eval()
    x = maps(1, 16, 4, 3)

    output = module(x)

    for _ in range(2):
        query, key, value = (point(m, x)[0] for m in (module.query, module.key, module.value))
        y = torch.zeros_like(x)
        for row, column in pixels(x):
            cross = [(row, c) for c in range(3)] + [(r, column) for r in range(4) if r != row]
            fits = torch.stack([query[:, row, column] @ key[:, r, c] for r, c in cross]).softmax(0)
            places = zip(fits, cross, strict=True)
            y[0, :, row, column] = sum(fit * value[:, r, c] for fit, (r, c) in places)
        x = module.gamma * y + x
    assert near(output, x)


def test_double_attention_gathers_hands_out_and_adds() -> None:
    module = scattered(zoo.DoubleAttention(8)).eval()
    x = maps(1, 8, 3, 4)

    output = module(x)

    features, gather, hand = (
        point(m, x)[0].flatten(1) for m in (module.feature, module.gather, module.hand_out)
    )
    gathered = [(features * one.softmax(0)).sum(1) for one in gather]
    shares = hand.softmax(0)
    handed = sum(g[:, None] * share for g, share in zip(gathered, shares, strict=True))
    assert near(output, x + point(module.out, handed.view(1, 4, 3, 4)))


def pyramid(x: Tensor) -> Tensor:
    return torch.cat([F.adaptive_avg_pool2d(x, size).flatten(2) for size in (1, 3, 6, 8)], 2)


def embedded(layers: nn.Sequential, x: Tensor) -> Tensor:
    return slow_norm(point(layers[0], x), layers[1]).clamp(min=0)


@pytest.mark.parametrize("fusing", [False, True], ids=["APNB", "AFNB"])
def test_asymmetric_blocks_join_the_anchors_that_a_pixel_resembles(fusing: bool) -> None:
    module = scattered(zoo.AFNB(16, reduction=4) if fusing else zoo.APNB(16)).eval()
    x = maps(1, 16, 5, 4)
    shallow = maps(1, 16, 7, 9, seed=2) if fusing else x

    output = module(x, shallow) if fusing else module(x)

    attend = module.attend
    query = embedded(module.query if fusing else attend.key, x)[0]
    keys = pyramid(embedded(attend.key, shallow))[0]
    values = pyramid(point(attend.value, shallow))[0]
    context = torch.zeros(1, len(values), 5, 4, dtype=torch.float64)
    for row, column in pixels(x):
        fits = keys.T @ query[:, row, column] / len(query) ** 0.5
        context[0, :, row, column] = values @ fits.softmax(0)
    joined = torch.cat([point(attend.out, context), x], 1)
    expected = slow_norm(point(module.join[0], joined), module.join[1])
    assert near(output, expected if fusing else expected.clamp(min=0))


def test_efficient_attention_is_attention_with_two_softmaxes() -> None:
    module = scattered(zoo.EfficientAttention(8, heads=2)).eval()
    x = maps(1, 8, 3, 4)

    output = module(x)

    key, query, value = (
        point(m, x)[0].flatten(1) for m in (module.key, module.query, module.value)
    )
    attended = torch.zeros(8, 12, dtype=torch.float64)
    for head in (slice(0, 4), slice(4, 8)):
        weights = query[head].softmax(0).T @ key[head].softmax(1)  # (pixels, pixels)
        attended[head] = value[head] @ weights.T
    assert near(output, x + point(module.out, attended.view(1, 8, 3, 4)))


@pytest.mark.parametrize("terms", ["1111", "0010", "1000", "0100", "0001", "1010", "0101"])
@pytest.mark.parametrize("stride", [1, 2])
def test_generalised_attention_adds_the_terms_it_is_told(terms: str, stride: int) -> None:
    module = scattered(zoo.GeneralisedAttention(8, heads=2, terms=terms, stride=stride)).eval()
    x = maps(1, 8, 3, 4)

    output = module(x)

    def wave(distance: int) -> Tensor:
        angles = distance * 10000 ** -(torch.arange(0, 8, 2, dtype=torch.float64) / 8)
        return torch.cat([angles.sin(), angles.cos()])

    content, place = module.content, module.place
    query = None if module.query is None else point(module.query, x)[0]
    key = None if content is None else point(content.key, x)[0]
    value = point(module.value, x)[0]
    y = torch.zeros(1, 8, 3, 4, dtype=torch.float64)
    seen = list(product(range(0, 3, stride), range(0, 4, stride)))
    for head, (row, column) in product(range(2), pixels(x)):
        part = slice(4 * head, 4 * head + 4)
        logits = torch.zeros(len(seen), dtype=torch.float64)
        for index, (r, c) in enumerate(seen):
            if place is not None:
                where = place.row.weight @ wave(row - r) + place.column.weight @ wave(column - c)
            if terms[0] == "1":
                logits[index] += query[part, row, column] @ key[part, r, c]
            if terms[1] == "1":
                logits[index] += query[part, row, column] @ where[part]
            if terms[2] == "1":
                logits[index] += content.vector[0, head, 0] @ key[part, r, c]
            if terms[3] == "1":
                logits[index] += place.vector[0, head, 0] @ where[part]
        shares = (logits / 2).softmax(0)
        places = zip(shares, seen, strict=True)
        y[0, part, row, column] = sum(share * value[part, r, c] for share, (r, c) in places)
    assert near(output, x + module.gamma * point(module.out, y))


def test_ocr_gives_each_pixel_the_regions_it_resembles() -> None:
    module = scattered(zoo.OCR(8, classes=3)).eval()
    x = maps(1, 8, 3, 4)

    output = module(x)

    logits = point(module.regions, x)[0].flatten(1)
    regions = torch.stack([x[0].flatten(1) @ one.softmax(0) for one in logits], 1)[None, :, :, None]
    mix = module.mix
    query = embedded(mix.query[3:], embedded(mix.query[:3], x))[0]
    keys = embedded(mix.key[3:], embedded(mix.key[:3], regions))[0, :, :, 0]
    values = embedded(mix.value, regions)[0, :, :, 0]
    context = torch.zeros(1, 4, 3, 4, dtype=torch.float64)
    for row, column in pixels(x):
        fits = keys.T @ query[:, row, column] / len(query) ** 0.5
        context[0, :, row, column] = values @ fits.softmax(0)
    assert near(output, embedded(mix.join, torch.cat([embedded(mix.out, context), x], 1)))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("patchwise", [False, True], ids=["pairwise", "patchwise"])
def test_san_sums_windows_with_weights_it_computes(patchwise: bool, stride: int) -> None:
    build = zoo.SAN(32, stride, kernel=3, patchwise=patchwise, share=8)
    module = scattered(build).eval()
    x = maps(1, 32, 5, 4)

    output = module(x)

    weigh = module.weigh
    net = weigh.perceptron
    query, key, value = (point(m, x) for m in (module.query, module.key, module.value))
    place = torch.zeros(1, 2, 5, 4, dtype=torch.float64)
    for row, column in pixels(x):
        place[0, :, row, column] = torch.tensor(
            [2 * column / 3 - 1, row / 2 - 1], dtype=torch.float64
        )
    place = place if patchwise else point(weigh.place, place)

    def inside(index: int, size: int) -> int:
        return size - 1 - abs(size - 1 - abs(index))

    def think(features: Tensor) -> Tensor:
        hidden = slow_norm(features[None, :, None, None], net[0]).clamp(min=0)
        hidden = slow_norm(point(net[2], hidden), net[3]).clamp(min=0)
        return point(net[5], hidden)[0, :, 0, 0]

    for row, column in product(range(0, 5, stride), range(0, 4, stride)):
        window = [
            (inside(row + down, 5), inside(column + across, 4))
            for down, across in product((-1, 0, 1), repeat=2)
        ]
        asked, here = query[0, :, row, column], place[0, :, row, column]
        if patchwise:
            patch = torch.stack([key[0, :, r, c] for r, c in window], 1).flatten()
            weights = think(torch.cat([asked, patch])).view(4, 9)
        else:
            pairs = [
                torch.cat([asked - key[0, :, r, c], here - place[0, :, r, c]]) for r, c in window
            ]
            weights = torch.stack([think(pair) for pair in pairs], 1).softmax(1)
        expected = torch.stack(
            [
                sum(weights[c % 4, i] * value[0, c, r, k] for i, (r, k) in enumerate(window))
                for c in range(32)
            ]
        )
        assert near(output[0, :, row // stride, column // stride], expected)
