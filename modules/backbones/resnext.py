"""ResNeXt, Xie et al. 2017, https://arxiv.org/abs/1611.05431: bottlenecks around grouped 3x3s."""

from collections.abc import Sequence
from functools import partial
from typing import Unpack

from modules.backbones.network import Backbone, Plan
from modules.backbones.parts import Conv3x3, Held
from modules.backbones.resnet import Block, Sites, around, resnet, small


def grouped(
    channels: int, planes: int, stride: int, held: Held, cardinality: int, base_width: int
) -> Block:
    """Return a block of 1x1, `mix`, `inner`, 1x1 to 4 * planes, `gate`.

    The mix is called with the width of all groups: each has `base_width` of every 64 planes.
    """
    width = planes * base_width // 64
    if not width:
        raise ValueError(f"base_width = {base_width} leaves no channel of {planes} planes (of 64)")
    return around(held.mix(cardinality * width, stride), channels, 4 * planes, stride, held)


def resnext(
    depths: Sequence[int], planes: int, cardinality: int, base_width: int, sites: Sites
) -> Plan:
    """Plan any ResNeXt: `cardinality` groups, `base_width` channels in each group at 64 planes."""
    block = partial(grouped, cardinality=cardinality, base_width=base_width)
    plain = partial(Conv3x3, groups=cardinality)
    return resnet(block, depths, planes, plain_mix=plain, **sites)


@Backbone
def resnext29_8x64(
    depths: Sequence[int] = (3, 3, 3),
    planes: int = 64,
    cardinality: int = 8,
    base_width: int = 64,
    **sites: Unpack[Sites],
) -> Plan:
    """Plan ResNeXt-29 8x64d for CIFAR: 9n + 2 layers, n = 3."""
    return resnext(depths, planes, cardinality, base_width, small(sites))


@Backbone
def resnext29_16x64(
    depths: Sequence[int] = (3, 3, 3),
    planes: int = 64,
    cardinality: int = 16,
    base_width: int = 64,
    **sites: Unpack[Sites],
) -> Plan:
    """Plan ResNeXt-29 16x64d for CIFAR: 9n + 2 layers, n = 3."""
    return resnext(depths, planes, cardinality, base_width, small(sites))


@Backbone
def resnext50_32x4(
    depths: Sequence[int] = (3, 4, 6, 3),
    planes: int = 64,
    cardinality: int = 32,
    base_width: int = 4,
    **sites: Unpack[Sites],
) -> Plan:
    """Plan ResNeXt-50 32x4d."""
    return resnext(depths, planes, cardinality, base_width, sites)
