"""Gates and blocks without a golden output, against a slow and obvious second version."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import modules as zoo
from tests.modules.definitions import maps, near, scattered, slow_norm
from tests.modules.test_zoo_pixels import pixels, point

# gates --------------------------------------------------------------------------------------------


def covaried(samples: Tensor) -> Tensor:
    """Covariances (v, v) of variables (v, samples), pair by pair."""
    means = samples.mean(1)
    return torch.stack(
        [
            torch.stack([((a - m) * (b - k)).mean() for b, k in zip(samples, means, strict=True)])
            for a, m in zip(samples, means, strict=True)
        ]
    )


def rows(layers: nn.Sequential, matrix: Tensor) -> Tensor:
    """Four numbers of each row, (4 * rows,)."""
    normal = slow_norm(matrix[None, :, :, None], layers[0])[0, :, :, 0]
    kernels = layers[1].weight.view(len(matrix), 4, len(matrix))
    return torch.einsum("rkc,rc->rk", kernels, normal).flatten() + layers[1].bias


@pytest.mark.parametrize("fusion", ["channels", "pixels", "average", "maximum", "concatenation"])
def test_gsop_gates_by_covariances(fusion: str) -> None:
    module = scattered(zoo.GSoP(64, hidden=6, fusion=fusion)).eval()
    x = maps(1, 64, 8, 8)

    output = module(x)

    gated = []
    if module.channel is not None:
        part = module.channel
        reduced = point(part.reduce, x.clamp(min=0)[:, :, ::2, ::2])
        normal = slow_norm(reduced, part.norm)[0].clamp(min=0).flatten(1)
        gate = point(part.expand, rows(part.rows, covaried(normal))[None, :, None, None])
        gated.append(x * gate.sigmoid())
    if module.pixel is not None:
        part = module.pixel
        reduced = slow_norm(point(part.reduce, x.clamp(min=0)), part.norm)[0].flatten(1)
        hidden = rows(part.rows, covaried(reduced.T)).clamp(min=0)
        gate = point(part.expand, hidden[None, :, None, None]).view(1, 1, 8, 8)
        gated.append((x * gate.sigmoid()).clamp(min=0))
    if fusion == "concatenation":
        strips = module.joined
        sides = zip((strips.first, strips.second), gated, strict=True)
        expected = slow_norm(
            sum(F.conv2d(y, s.weight, s.bias, 1, (7, 0)) for s, y in sides), strips.norm
        )
    else:
        expected = torch.maximum(*gated) if fusion == "maximum" else sum(gated)
    assert near(output, expected)


@pytest.mark.parametrize(("channels", "stride"), [(4, 1), (4, 2), (64, 1)])
def test_light_nl_attends_with_its_first_channels(channels: int, stride: int) -> None:
    module = scattered(zoo.LightNL(channels, stride=stride)).eval()
    x = maps(1, channels, 4, 5)

    output = module(x)

    first = channels // 4
    mixed = torch.zeros_like(x)
    for row, column in pixels(x):
        for r, c in product(range(0, 4, stride), range(0, 5, stride)):
            fit = x[0, :first, row, column] @ x[0, :first, r, c] / 20
            mixed[0, :, row, column] += fit * x[0, :, r, c]
    wide = F.conv2d(mixed, module.conv.weight, None, 1, 1, groups=channels)
    assert near(output, x + slow_norm(wide, module.norm))


def test_scse_activates_the_channels_bottleneck() -> None:
    module = scattered(zoo.SCSE(8)).eval()
    x = maps(2, 8, 3, 4)

    output = module(x)

    average = x.mean((2, 3), keepdim=True)
    channel = point(module.channel.expand, point(module.channel.reduce, average).clamp(min=0))
    assert near(output, x * channel.sigmoid() + x * point(module.pixel.weigh, x).sigmoid())


def test_arm_norms_its_gate() -> None:
    module = scattered(zoo.ARM(8)).eval()
    x = maps(2, 8, 3, 4)

    output = module(x)

    average = x.mean((2, 3), keepdim=True)
    assert near(output, x * slow_norm(point(module.conv, average), module.norm).sigmoid())


def test_ulsam_attends_to_depthwise_features() -> None:
    module = scattered(zoo.ULSAM(8, splits=2)).eval()
    x = maps(1, 8, 3, 4)

    output = module(x)

    for index, space in enumerate(module.subspaces):
        part = x[:, 4 * index : 4 * index + 4]
        deep, norm, _ = space.depthwise
        seen = part * deep.weight.view(4, 1, 1) + deep.bias.view(4, 1, 1)
        pooled = F.max_pool2d(slow_norm(seen, norm).clamp(min=0), 3, 1, 1)
        logits = slow_norm(point(space.pointwise[0], pooled), space.pointwise[1]).clamp(min=0)
        weights = logits.flatten().softmax(0).view(1, 1, 3, 4)
        assert near(output[:, 4 * index : 4 * index + 4], part * weights + part)


@pytest.mark.parametrize("size", [None, 6])
def test_gather_excite_sees_the_whole_map(size: int | None) -> None:
    module = scattered(zoo.GatherExcite(16, size=size or 4)).eval()
    x = maps(2, 16, 4, 4)

    output = module(x)

    seen = F.adaptive_avg_pool2d(x, size or 4)
    gathered = (seen * module.gather.weight[:, 0]).sum((2, 3), keepdim=True)
    hidden = point(module.reduce, slow_norm(gathered, module.norm)).clamp(min=0)
    assert near(output, x * point(module.expand, hidden).sigmoid())


def weights_of(gate: nn.Module, x: Tensor) -> Tensor:
    def bottleneck(layers: nn.Sequential, y: Tensor) -> Tensor:
        hidden = slow_norm(point(layers[0], y), layers[1]).clamp(min=0)
        return slow_norm(point(layers[3], hidden), layers[4])

    whole = x.mean((2, 3), keepdim=True)
    return (bottleneck(gate.local, x) + bottleneck(gate.context, whole)).sigmoid()


def test_aff_doubles_and_iaff_judges_twice_by_weights_of_their_own() -> None:
    once, twice = scattered(zoo.AFF(8)).eval(), scattered(zoo.IAFF(8)).eval()
    x, y = maps(2, 8, 3, 4), maps(2, 8, 3, 4, seed=2)

    first, second = once(x, y), twice(x, y)

    weights = weights_of(once.gate, x + y)
    assert near(first, 2 * x * weights + 2 * y * (1 - weights))
    weights = weights_of(twice.first, x + y)
    weights = weights_of(twice.second, x * weights + y * (1 - weights))
    assert near(second, x * weights + y * (1 - weights))


def test_dca_fits_what_a_narrower_block_attended_to() -> None:
    module = scattered(zoo.DCASE(16, previous=8)).eval()
    x, before = maps(2, 16, 3, 4), maps(2, 8, seed=2)

    output, attended = module(x, before)

    average = x.mean((2, 3))
    linear, norm, _ = module.fit
    fitted = slow_layer_norm(before @ linear.weight.T + linear.bias, norm).clamp(min=0)
    weight = module.connect.weight.flatten()
    joined = weight[0] * average + weight[1] * fitted + module.connect.bias
    joined = slow_layer_norm(joined, module.norm).clamp(min=0)
    hidden = (joined @ module.reduce.weight.T + module.reduce.bias).clamp(min=0)
    weights = (hidden @ module.expand.weight.T + module.expand.bias).sigmoid()
    assert near(output, x * weights[:, :, None, None])
    assert near(attended, average * weights)


def slow_layer_norm(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    centred = x - x.mean(1, keepdim=True)
    spread = (centred.square().mean(1, keepdim=True) + norm.eps).sqrt()
    return centred / spread * norm.weight + norm.bias


# channels and parts ------------------------------------------------------------------------------


def test_sia_looks_at_what_is_alike_and_near() -> None:
    module = scattered(zoo.SIA(8, spread=2.0)).eval()
    x = maps(1, 8, 3, 4)

    output = module(x)

    y = torch.zeros_like(x)
    for row, column in pixels(x):
        alike = torch.stack([x[0, :, row, column] @ x[0, :, r, c] / 8**0.5 for r, c in pixels(x)])
        distance = [(row - r) ** 2 + (column - c) ** 2 for r, c in pixels(x)]
        weights = alike.softmax(0) * torch.exp(-torch.tensor(distance, dtype=torch.float64) / 8)
        y[0, :, row, column] = x[0].flatten(1) @ (weights / weights.sum())
    assert near(output, x + slow_norm(y, module.norm))


def test_cia_looks_at_the_channels_that_are_alike() -> None:
    module = scattered(zoo.CIA(8)).eval()
    x = maps(1, 8, 3, 4)

    output = module(x)

    y = torch.zeros_like(x)
    for channel in range(8):
        alike = torch.stack([(x[0, channel] * other).sum() for other in x[0]]).softmax(0)
        y[0, channel] = sum(share * other for share, other in zip(alike, x[0], strict=True))
    assert near(output, x + slow_norm(y, module.norm))


def test_iau_updates_the_parts_of_a_map_by_each_other() -> None:
    module = scattered(zoo.IAU(8, parts=3)).eval()
    x = maps(1, 8, 3, 4)

    output = module(x)

    first, parts = module.channel, module.parts
    y = torch.zeros_like(x)
    for channel in range(8):
        alike = torch.stack([(x[0, channel] * other).sum() for other in x[0]]).softmax(0)
        y[0, channel] = sum(share * other for share, other in zip(alike, x[0], strict=True))
    x = x + slow_norm(point(first.out, y), first.norm)
    masks = slow_norm(point(parts.mask[0], x), parts.mask[1])[0].sigmoid()
    averages = [(x[0] * mask).sum((1, 2)) / mask.sum() for mask in masks] + [x[0].mean((1, 2))]
    *nodes, whole = (point(parts.reduce, a[None, :, None])[0, :, 0] for a in averages)
    updated = []
    for node in nodes:
        logits = []
        for other in nodes:
            pair = torch.cat([(node - other).abs(), whole])[None, :, None, None]
            edge = slow_norm(point(parts.edge[0], pair), parts.edge[1]).flatten()
            logits.append(edge if other is not node else torch.full_like(edge, -torch.inf))
        shares = torch.cat(logits).softmax(0)
        mixed = sum(share * other for share, other in zip(shares, nodes, strict=True))
        both = torch.cat([node, mixed])[None, :, None]
        normal = slow_norm(point(parts.update[0], both)[..., None], parts.update[1])
        updated.append(normal.flatten().clamp(min=0))
    summary = torch.cat([torch.stack(updated).mean(0), whole])[None, :, None, None]
    assert near(output, x + slow_norm(point(parts.out, summary), parts.norm))
