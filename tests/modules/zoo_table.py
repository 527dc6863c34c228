"""How each of the attention zoo's reference entries is built and called, where it is not ours."""

from collections.abc import Callable
from functools import partial

from torch import nn

import modules as zoo
from modules.attention.se import SE
from modules.backbones.resnet import Held, bottleneck
from modules.blocks.self_calibrated import Calibrated

Build = Callable[[int], nn.Module]
Shapes = list[list[int]]


def half_the_channels(build: Callable[..., nn.Module], **names: int) -> Build:
    """Build with some arguments as fractions of the channels."""

    def made(channels: int) -> nn.Module:
        return build(channels, **{name: channels // part for name, part in names.items()})

    return made


def calibrated_block(channels: int) -> nn.Module:
    """SCNet's bottleneck: its mix ends with norms and activations, the block's own go."""
    block = bottleneck(4 * channels, channels, 1, Held(mix=zoo.SelfCalibrated))
    block.residual[4], block.residual[5] = nn.Identity(), nn.Identity()
    return block


def fused_acb(channels: int) -> nn.Module:
    return zoo.ACBlock(channels).fused()


def split(channels: int) -> nn.Module:
    """Build what takes no channels."""
    return zoo.SPP()


def gram(channels: int) -> nn.Module:
    return zoo.Gram()


def blaze_double(channels: int) -> nn.Module:
    return zoo.BlazeBlock(channels, 2, middle=channels // 2, out=2 * channels)


def ghost_double(channels: int) -> nn.Module:
    return zoo.Ghost(channels, kernel=3, out=2 * channels)


def gathering(channels: int) -> nn.Module:
    return zoo.SpatialGather()


def swish(channels: int) -> nn.Module:
    return zoo.Swish()


def mish(channels: int) -> nn.Module:
    return zoo.Mish()


NL = "zoo.NonLocal2D"
SAM = "rel=C/16,out=C/4,share=8,k=7)"
quarter_san = half_the_channels(zoo.SAN, out=4)
ZOO: dict[str, Build] = {
    "zoo.BAM(r=16,dil=4)": zoo.BAM,
    "zoo.cSE": partial(SE, reduction=2, bias=False),
    "zoo.sSE": zoo.SSE,
    "zoo.scSE": zoo.SCSE,
    f"{NL}[embedded_gaussian](inter=C/2,sub_sample,bn)": zoo.NonLocal,
    f"{NL}[dot_product](inter=C/2,sub_sample,bn)": partial(zoo.NonLocal, kind="dot"),
    f"{NL}[gaussian](inter=C/2,sub_sample,bn)": partial(zoo.NonLocal, kind="gaussian"),
    f"{NL}[concatenation](inter=C/2,sub_sample,bn)": partial(zoo.NonLocal, kind="concatenation"),
    f"{NL}[embedded_gaussian](sub_sample=False)": partial(zoo.NonLocal, pool=1),
    f"{NL}[embedded_gaussian](bn=False)": partial(zoo.NonLocal, norm=False),
    "zoo.CCNet.CrissCrossAttention": zoo.CrissCross,
    "zoo.SGE(groups=64)": zoo.SGE,
    "zoo.SGE(groups=8)": partial(zoo.SGE, groups=8),
    "zoo.A2Net.DoubleAttention(cm=C/2,cn=C/4,reconstruct)": zoo.DoubleAttention,
    "zoo.A2Net.DoubleAttention(cm=C,cn=C,no reconstruct)": half_the_channels(
        partial(zoo.DoubleAttention, reduction=1, reconstruct=False), maps=1
    ),
    "zoo.AFF(r=4)": zoo.AFF,
    "zoo.iAFF(r=4)": zoo.IAFF,
    "zoo.MS_CAM(r=4)": zoo.MSCAM,
    "zoo.DAF": zoo.DAF,
    f"zoo.SAN.SAM(pairwise,{SAM}": quarter_san,
    f"zoo.SAN.SAM(patchwise,{SAM}": half_the_channels(partial(zoo.SAN, patchwise=True), out=4),
    "zoo.OCR.SpatialGather": gathering,
    "zoo.OCR.SpatialOCR(key=C/2,out=C)": zoo.ObjectContext,
    "zoo.ResNeSt.SplAtConv2d(k3,radix2,groups1,rf4,BN,bias=False)": zoo.SplitAttention,
    "zoo.ResNeSt.SplAtConv2d(k3,radix2,groups1,no norm,bias)": partial(
        zoo.SplitAttention, norm=False
    ),
    "zoo.GE(spatial=H)": zoo.GatherExcite,
    "zoo.SCNet.SCConv(pool4)": partial(Calibrated, stride=1, pool=4),
    "zoo.SCNet.SCBottleneck(in=4C,planes=C)": calibrated_block,
    "zoo.DCANet.CSELayer(in=C,C,r=16)": zoo.DCASE,
    "zoo.DCANet.CSELayer(in=C/2,C,r=16)": half_the_channels(zoo.DCASE, previous=2),
    "zoo.BiSeNet.ARM(C->C)": zoo.ARM,
    "zoo.BiSeNet.FFM(n=19,in=2C)": partial(zoo.FFM, out=19),
    "zoo.ACBlock(k3,p1)": zoo.ACBlock,
    "zoo.ACBlock(k3,p1,deploy)": fused_acb,
    "zoo.Swish": swish,
    "zoo.Mish": mish,
    "zoo.ASPP(rate=1)": partial(zoo.ASPPBranch, rate=1),
    "zoo.ASPP(rate=6)": partial(zoo.ASPPBranch, rate=6),
    "zoo.BlazeBlock(k5,s1)": zoo.BlazeBlock,
    "zoo.BlazeBlock(double,k5,s2,oup2=2C)": blaze_double,
    "zoo.DWConv": zoo.Separable,
    "zoo.MixConv2d(k357,equal_params)": partial(zoo.MixConv, dense=True, even=False),
    "zoo.MixConv2d(k357,equal_ch)": partial(zoo.MixConv, dense=True),
    "zoo.PSPModule(out=1024,sizes1236)": partial(zoo.PSP, out=1024),
    "zoo.BasicRFB(C->C)": zoo.RFB,
    "zoo.BasicRFB_small(C->C)": zoo.RFBs,
    "zoo.SematicEmbbedBlock(high=C,low=C,out=C)": zoo.SEB,
    "zoo.SSH": zoo.SSH,
    "zoo.StripPooling(pool=(20,12),BN)": zoo.StripPooling,
    "zoo.SPNet.PyramidPooling": zoo.PyramidPooling,
    "zoo.SPNet.SPHead(out=19)": partial(zoo.SPHead, num_classes=19),
    "zoo.Ghost(C->C,k1,ratio2,dw3)": zoo.Ghost,
    "zoo.Ghost(C->2C,k3)": ghost_double,
    "zoo.SlimConv(s1,g1,d1)": zoo.SlimConv,
    "zoo.ContextGating(dim=C,BN)": zoo.ContextGating,
    "zoo.ContextGating(dim=C,bias)": partial(zoo.ContextGating, norm=False),
    "zoo.DOConv(k3,p1,bias)": partial(zoo.DOConv, bias=True),
    "zoo.ULSAM(splits=4)": zoo.ULSAM,
    "zoo.DGC(k3,heads4,sq16,gate.25)": zoo.DGC,
    "zoo.PSConv2d(parts4)": zoo.PSConv,
    "zoo.PSGConv2d(groups2,parts4)": partial(zoo.PSConv, groups=2),
    "zoo.DynamicConv(k3,K4,ratio.25,T34)": zoo.DynamicConv,
    "zoo.CondConv(k3,E3)": zoo.CondConv,
    "zoo.SPConv_3x3(ratio.5)": zoo.SPConv,
    "zoo.SPPLayer(levels=3)": split,
    "zoo.WeightedFeatureFusion(2 extra layers)": partial(zoo.WeightedFusion, maps=3),
    "zoo.FPT.SelfTrans(dot)": partial(zoo.NonLocal, kind="dot", pool=1),
    "zoo.FPT.GroundTrans(dot)": zoo.Grounding,
    # the 1x1 of a concatenation is counted, yet what runs is the sum
    "zoo.FPT.RenderTrans(upsample=False)": partial(zoo.Rendering, concatenate=True),
    "zoo.FPT.RenderTrans(upsample=True)": partial(zoo.Rendering, concatenate=True, enlarge=True),
    "zoo.UsefulTools.GramMatrix": gram,
    "upstream.EfficientAttention(key=C/2,heads=1? value=C/2)": partial(
        zoo.EfficientAttention, reduction=2, heads=1
    ),
    "upstream.EfficientAttention(key=C,heads=8,value=C)": zoo.EfficientAttention,
    "upstream.APNB(out=C,key=C/2,val=C/2,psp 1368)": zoo.APNB,
    "upstream.AFNB(low=C/2,high=C,out=C,key=C/8,val=C/8)": half_the_channels(zoo.AFNB, low=2),
    "upstream.RNAN.NonLocalBlock2D(C,C/2) softmax dim=1": partial(zoo.NonLocal, pool=1, norm=False),
    "upstream.RNAN.ResAttModuleDownUpPlus": zoo.RNAN,
    "upstream.RNAN.NLResAttModuleDownUpPlus": partial(zoo.RNAN, non_local=True),
    "upstream.IAU(number=4)": zoo.IAU,
    "upstream.IA(SIA+CIA) H=W=32": zoo.IA,
}

GSOP = {"1": "channels", "2": "pixels", "+": "average", "&": "concatenation"}

RUN: dict[str, Build] = {"zoo.FPT.RenderTrans(upsample=False)": zoo.Rendering}
"""What runs, where more is counted among the parameters."""


def second_inputs(name: str, first: list[int]) -> Shapes:
    """Return the shapes that a reference entry takes besides its first input."""
    size, channels, height, width = first
    if "DCANet" in name:
        return [[size, channels // 2 if "in=C/2" in name else channels]]
    if name == "zoo.OCR.SpatialGather":
        return [[size, 19, height, width]]
    if name.startswith("zoo.OCR.SpatialOCR"):
        return [[size, channels, 19, 1]]
    if name.startswith("upstream.AFNB"):
        return [[size, channels // 2, height, width]]
    if name.startswith("zoo.WeightedFeatureFusion"):
        return [first, first]
    two = ("AFF", "DAF", "BiSeNet.FFM", "SematicEmbbed", "GroundTrans", "RenderTrans")
    return [first] if any(part in name for part in two) else []
