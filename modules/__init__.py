"""What a network is made of: attention modules, blocks, and backbones with places for them."""

from modules.attention.aff import AFF, DAF, IAFF
from modules.attention.asymmetric import AFNB, APNB
from modules.attention.bam import BAM
from modules.attention.bisenet import ARM, FFM
from modules.attention.cbam import CBAM
from modules.attention.context_gating import ContextGating
from modules.attention.coordinate import CoordinateAttention
from modules.attention.cpca import CPCA
from modules.attention.criss_cross import CrissCross
from modules.attention.dca import DCASE
from modules.attention.double_attention import DoubleAttention
from modules.attention.dual import CAM, PAM, DualAttention
from modules.attention.eca import ECA
from modules.attention.efficient import EfficientAttention
from modules.attention.ela import ELA
from modules.attention.ema import EMA
from modules.attention.fca import FCA
from modules.attention.gather_excite import GatherExcite
from modules.attention.gc import GC
from modules.attention.generalised import GeneralisedAttention
from modules.attention.gsop import GSoP
from modules.attention.ia import CIA, IA, SIA
from modules.attention.iau import IAU
from modules.attention.light_nl import LightNL
from modules.attention.ma import MA, ConvMixer, SoftBAN
from modules.attention.ms_cam import MSCAM
from modules.attention.mspa import MSPA, SPR
from modules.attention.non_local import NonLocal
from modules.attention.ocr import OCR, ObjectContext, SpatialGather
from modules.attention.psa import PSA
from modules.attention.rnan import RNAN
from modules.attention.san import SAN
from modules.attention.scconv import CRU, SRU, SCConv
from modules.attention.scsa import PCSA, SCSA, SMSA
from modules.attention.scse import SCSE, SSE
from modules.attention.se import SE, SEGate
from modules.attention.sge import SGE
from modules.attention.shuffle import ShuffleAttention
from modules.attention.simam import SimAM
from modules.attention.sk import SK, DilatedSK
from modules.attention.spa import SPA
from modules.attention.spem import SPEM
from modules.attention.srm import SRM
from modules.attention.triplet import TripletAttention
from modules.attention.ulsam import ULSAM
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
from modules.blend import Blend
from modules.blocks.acb import ACBlock
from modules.blocks.aspp import ASPP, ASPPBranch
from modules.blocks.blaze import BlazeBlock
from modules.blocks.border_align import BorderAlign
from modules.blocks.coconv import COCONV_STAGES, CoConv
from modules.blocks.cond_conv import CondConv
from modules.blocks.dgc import DGC
from modules.blocks.do_conv import DOConv
from modules.blocks.dynamic_conv import DynamicConv
from modules.blocks.effnet import EffNet, EffNetConv
from modules.blocks.fpt import FPT, Grounding, Rendering
from modules.blocks.fuse_norm import fuse_norm
from modules.blocks.ghost import Ghost
from modules.blocks.gram import Gram
from modules.blocks.mish import Mish
from modules.blocks.mix_conv import MixConv
from modules.blocks.ps_conv import PSConv
from modules.blocks.psp import PSP, PyramidPooling
from modules.blocks.pyconv import PYCONV_STAGES, PyConv
from modules.blocks.res2net import Res2Net
from modules.blocks.rfb import RFB, RFBs
from modules.blocks.seb import SEB
from modules.blocks.self_calibrated import SelfCalibrated
from modules.blocks.separable import Separable
from modules.blocks.slim_conv import SlimConv
from modules.blocks.sp_conv import SPConv
from modules.blocks.split_attention import SplitAttention
from modules.blocks.spp import SPP
from modules.blocks.ssh import SSH
from modules.blocks.strip_pooling import SPHead, StripPooling
from modules.blocks.swish import Swish
from modules.blocks.weighted_fusion import WeightedFusion
from modules.graft import graft

__mark__ = "attention-search"
__all__ = [
    "AFF",
    "AFNB",
    "APNB",
    "ARM",
    "ASPP",
    "BAM",
    "CAM",
    "CBAM",
    "CIA",
    "COCONV_STAGES",
    "CPCA",
    "CRU",
    "DAF",
    "DCASE",
    "DGC",
    "ECA",
    "ELA",
    "EMA",
    "FCA",
    "FFM",
    "FPT",
    "GC",
    "IA",
    "IAFF",
    "IAU",
    "MA",
    "MSCAM",
    "MSPA",
    "OCR",
    "PAM",
    "PCSA",
    "PSA",
    "PSP",
    "PYCONV_STAGES",
    "RFB",
    "RNAN",
    "SAN",
    "SCSA",
    "SCSE",
    "SE",
    "SEB",
    "SGE",
    "SIA",
    "SK",
    "SMSA",
    "SPA",
    "SPEM",
    "SPP",
    "SPR",
    "SRM",
    "SRU",
    "SSE",
    "SSH",
    "ULSAM",
    "ACBlock",
    "ASPPBranch",
    "BlazeBlock",
    "Blend",
    "BorderAlign",
    "CoConv",
    "CondConv",
    "ContextGating",
    "ConvMixer",
    "CoordinateAttention",
    "CrissCross",
    "DOConv",
    "DilatedSK",
    "DoubleAttention",
    "DualAttention",
    "DynamicConv",
    "EffNet",
    "EffNetConv",
    "EfficientAttention",
    "GSoP",
    "GatherExcite",
    "GeneralisedAttention",
    "Ghost",
    "Gram",
    "Grounding",
    "LightNL",
    "Mish",
    "MixConv",
    "NonLocal",
    "ObjectContext",
    "PSConv",
    "PyConv",
    "PyramidPooling",
    "RFBs",
    "Rendering",
    "Res2Net",
    "SCConv",
    "SEGate",
    "SPConv",
    "SPHead",
    "SelfCalibrated",
    "Separable",
    "ShuffleAttention",
    "SimAM",
    "SlimConv",
    "SoftBAN",
    "SpatialGather",
    "SplitAttention",
    "StripPooling",
    "Swish",
    "TripletAttention",
    "WeightedFusion",
    "fuse_norm",
    "googlenet",
    "graft",
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
