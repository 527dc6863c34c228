"""Heads without a golden output, against a slow and obvious second version."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import modules as zoo
from tests.modules.definitions import maps, near, scattered, slow_conv, slow_norm
from tests.modules.test_zoo_pixels import pixels, point


def test_rfb_adds_a_tenth_of_what_its_branches_see() -> None:
    module = scattered(zoo.RFB(16)).eval()
    x = maps(1, 16, 9, 7)

    output = module(x)

    def run(branch: nn.Sequential, pads: list[int], gap: int) -> Tensor:
        layers, y = list(branch), x
        for index, pad in enumerate([*pads, gap]):
            conv, norm = layers[3 * index], layers[3 * index + 1]
            dilation = gap if index == len(pads) else 1
            y = slow_norm(F.conv2d(y, conv.weight, None, 1, pad, dilation), norm)
            y = y if index == len(pads) else y.clamp(min=0)
        return y

    plans = (([0], 1), ([0, 1], 2), ([0, 1, 1], 3))
    seen = [run(b, pads, gap) for b, (pads, gap) in zip(module.branches, plans, strict=True)]
    mixed, shortcut = module.mix.mix, module.mix.shortcut
    wide = slow_norm(point(mixed[0], torch.cat(seen, 1)), mixed[1])
    expected = wide * 0.1 + slow_norm(point(shortcut[0], x), shortcut[1])
    assert near(output, expected.clamp(min=0))


def test_aspp_joins_all_rates_and_the_average() -> None:
    module = scattered(zoo.ASPP(8, rates=(1, 2))).eval()
    x = maps(2, 8, 5, 6)

    output = module(x)

    def joined(layers: nn.Sequential, y: Tensor) -> Tensor:
        return slow_norm(point(layers[-3], y), layers[-2]).clamp(min=0)

    whole = joined(module.whole, x.mean((2, 3), keepdim=True)).expand_as(x)
    near_, far = (branch(x) for branch in module.branches)
    first, atrous = module.branches[0], module.branches[1].atrous
    plain = point(first.atrous[1], point_depthwise(first.atrous[0], x))
    assert near(near_, slow_norm(plain, first.norm).clamp(min=0))
    assert atrous[0].dilation == (2, 2)
    assert near(output, joined(module.join, torch.cat([near_, far, whole], 1)))


def point_depthwise(conv: nn.Conv2d, x: Tensor) -> Tensor:
    return x * conv.weight.view(-1, 1, 1)


def test_rnan_masks_its_trunk_by_a_wider_view() -> None:
    module = scattered(zoo.RNAN(4)).eval()
    x = maps(1, 4, 7, 5)

    output = module(x)

    def block(one: nn.Module, y: Tensor) -> Tensor:
        first, _, second = one.convs
        hidden = (slow_conv(y, first.weight, 1, 1) + first.bias.view(-1, 1, 1)).clamp(min=0)
        return y + slow_conv(hidden, second.weight, 1, 1) + second.bias.view(-1, 1, 1)

    entered = block(module.head, x)
    seen = block(module.enter[1], entered)
    deep = slow_conv(seen, module.down.weight, 2, 1) + module.down.bias.view(-1, 1, 1)
    for one in module.deep:
        deep = block(one, deep)
    up = module.up
    wide = torch.zeros(1, 4, 12, 10, dtype=torch.float64) + up.bias.view(-1, 1, 1)
    for row, column in pixels(deep):
        stamp = torch.einsum("i,iokl->okl", deep[0, :, row, column], up.weight)
        wide[0, :, 2 * row : 2 * row + 6, 2 * column : 2 * column + 6] += stamp
    wide = wide[:, :, 2:9, 2:7]
    mask = point(module.leave[1], block(module.leave[0], seen + wide)).sigmoid()
    trunk = block(module.trunk[1], block(module.trunk[0], entered))
    assert near(output, block(module.tail[1], block(module.tail[0], trunk * mask + x)))


@pytest.mark.parametrize("enlarge", [False, True])
def test_rendering_gates_a_deep_map_by_a_shallow_one(enlarge: bool) -> None:
    module = scattered(zoo.Rendering(8, concatenate=True, enlarge=enlarge)).eval()
    deep, shallow = maps(1, 8, 3, 4), maps(1, 8, 6, 8, seed=2)

    output = module(deep, shallow)

    weights = slow_norm(point(module.gate, shallow.mean((2, 3), keepdim=True)), module.gate_norm)
    gated = slow_norm(slow_conv(deep, module.deep.weight, 1, 1), module.norm) * weights.clamp(min=0)
    if enlarge:
        gated = gated.repeat_interleave(2, 2).repeat_interleave(2, 3)
        shortcut = torch.zeros(1, 8, 8, 10, dtype=torch.float64)
        for row, column in pixels(deep):
            stamp = torch.einsum("i,iokl->okl", deep[0, :, row, column], module.shortcut.weight)
            shortcut[0, :, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += stamp
        shortcut = shortcut[:, :, 1:-1, 1:-1]
    else:
        shortcut = point(module.shortcut, deep)
    both = torch.cat([slow_norm(shortcut, module.shortcut_norm), gated], 1)
    assert near(output, point(module.join, both).clamp(min=0))


def test_grounding_takes_means_of_another_map() -> None:
    module = scattered(zoo.Grounding(8)).eval()
    shallow, deep = maps(1, 8, 5, 4), maps(1, 8, 2, 3, seed=2)

    output = module(shallow, deep)

    attend = module.attend
    query, key = point(attend.query, shallow)[0].flatten(1), point(attend.key, deep)[0].flatten(1)
    gathered = point(attend.value, deep)[0].flatten(1) @ (query.T @ key / 6).T
    expected = slow_norm(point(attend.out[0], gathered.view(1, 4, 5, 4)), attend.out[1])
    assert near(output, expected)


def test_border_align_reads_the_four_borders_of_each_box() -> None:
    module = zoo.BorderAlign(points=4)
    x = maps(2, 12, 7, 9)
    boxes = torch.tensor([[[1.0, 2.0, 5.0, 6.0], [0.5, 0.25, 7.5, 3.75]]] * 2, dtype=torch.float64)

    output = module(x, boxes)

    def at(plane: Tensor, column: float, row: float) -> Tensor:
        r, c = min(int(row), 5), min(int(column), 7)
        down, across = row - r, column - c
        upper = plane[:, r, c] * (1 - across) + plane[:, r, c + 1] * across
        lower = plane[:, r + 1, c] * (1 - across) + plane[:, r + 1, c + 1] * across
        return upper * (1 - down) + lower * down

    assert output.shape == (2, 3, 2, 4)
    for image, box in product(range(2), range(2)):
        left, top, right, bottom = boxes[image, box].tolist()
        steps = [step / 4 for step in range(5)]
        xs, ys = ([a + (b - a) * s for s in steps] for a, b in ((left, right), (top, bottom)))
        lines = (
            [(c, top) for c in xs],
            [(left, r) for r in ys],
            [(c, bottom) for c in xs],
            [(right, r) for r in ys],
        )
        for border, line in enumerate(lines):
            plane = x[image, 3 * border : 3 * border + 3]
            expected = torch.stack([at(plane, c, r) for c, r in line]).amax(0)
            assert near(output[image, :, box, border], expected)


def test_spp_takes_the_maxima_of_ever_finer_grids() -> None:
    x = maps(2, 3, 5, 7)

    output = zoo.SPP(levels=2)(x)

    halves = [(slice(0, 3), slice(2, 5)), (slice(0, 4), slice(3, 7))]
    cells = torch.stack([x[:, :, r, c].amax((2, 3)) for r, c in product(*halves)], 2)
    assert near(output, torch.cat([x.amax((2, 3)), cells.flatten(1)], 1))
