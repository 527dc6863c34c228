"""What a network is made of: attention modules, blocks, and backbones with places for them."""

from modules.attention.cbam import CBAM
from modules.attention.eca import ECA
from modules.attention.mspa import MSPA, SPR
from modules.attention.se import SE, SEGate
from modules.backbones.resnet import (
    resnet18,
    resnet20,
    resnet32,
    resnet34,
    resnet44,
    resnet50,
    resnet56,
    resnet101,
    resnet110,
    resnet152,
    resnet164,
)

__mark__ = "attention-search"
__all__ = [
    "CBAM",
    "ECA",
    "MSPA",
    "SE",
    "SPR",
    "SEGate",
    "resnet18",
    "resnet20",
    "resnet32",
    "resnet34",
    "resnet44",
    "resnet50",
    "resnet56",
    "resnet101",
    "resnet110",
    "resnet152",
    "resnet164",
]
