"""What a network is made of: attention modules, blocks, and backbones with places for them."""

from modules.attention.cbam import CBAM
from modules.attention.coordinate import CoordinateAttention
from modules.attention.cpca import CPCA
from modules.attention.dual import CAM, PAM, DualAttention
from modules.attention.eca import ECA
from modules.attention.ela import ELA
from modules.attention.ema import EMA
from modules.attention.fca import FCA
from modules.attention.gc import GC
from modules.attention.ma import MA, ConvMixer, SoftBAN
from modules.attention.mspa import MSPA, SPR
from modules.attention.psa import PSA
from modules.attention.scconv import CRU, SRU, SCConv
from modules.attention.scsa import PCSA, SCSA, SMSA
from modules.attention.se import SE, SEGate
from modules.attention.shuffle import ShuffleAttention
from modules.attention.simam import SimAM
from modules.attention.sk import SK, DilatedSK
from modules.attention.spa import SPA
from modules.attention.spem import SPEM
from modules.attention.srm import SRM
from modules.attention.triplet import TripletAttention
from modules.backbones.googlenet import googlenet
from modules.backbones.mobilenet import mobilenet_v2, mobilenet_v2_cifar
from modules.backbones.preact_resnet import preact_resnet18, preact_resnet164
from modules.backbones.pretrained import load_pretrained
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
from modules.backbones.resnext import resnext29_8x64, resnext29_16x64, resnext50_32x4
from modules.backbones.shufflenet import shufflenet_v2
from modules.blocks.coconv import COCONV_STAGES, CoConv
from modules.blocks.pyconv import PYCONV_STAGES, PyConv
from modules.blocks.res2net import Res2Net

__mark__ = "attention-search"
__all__ = [
    "CAM",
    "CBAM",
    "COCONV_STAGES",
    "CPCA",
    "CRU",
    "ECA",
    "ELA",
    "EMA",
    "FCA",
    "GC",
    "MA",
    "MSPA",
    "PAM",
    "PCSA",
    "PSA",
    "PYCONV_STAGES",
    "SCSA",
    "SE",
    "SK",
    "SMSA",
    "SPA",
    "SPEM",
    "SPR",
    "SRM",
    "SRU",
    "CoConv",
    "ConvMixer",
    "CoordinateAttention",
    "DilatedSK",
    "DualAttention",
    "PyConv",
    "Res2Net",
    "SCConv",
    "SEGate",
    "ShuffleAttention",
    "SimAM",
    "SoftBAN",
    "TripletAttention",
    "googlenet",
    "load_pretrained",
    "mobilenet_v2",
    "mobilenet_v2_cifar",
    "preact_resnet18",
    "preact_resnet164",
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
    "resnext29_8x64",
    "resnext29_16x64",
    "resnext50_32x4",
    "shufflenet_v2",
]
