"""MSPANet's table on ImageNet."""

from functools import partial

from modules import (
    COCONV_STAGES,
    ECA,
    MSPA,
    PSA,
    PYCONV_STAGES,
    SE,
    SRM,
    Res2Net,
    ShuffleAttention,
    SimAM,
    TripletAttention,
    resnet50,
    resnet101,
)
from spaces import Space
from spaces.table import Row, Table
from spaces.tables.unseen import cbam

small = partial(MSPA, omega=28)

NO_NETWORK = "which network was counted is not known; it is not the one of SK's own paper"
NORMED = (
    "a block here norms what its mix returns, Res2Net's leaves that to the mix: without these "
    "norms the parameters are met"
)
STRIDED = (
    "PyConvResNet strides in stage 1 instead of pooling in the stem, which costs FLOPs and no "
    "parameters"
)

resnet50_rows = (
    Row("ResNet-50", Space(resnet50), "25.557", "4.122", "76.13 / 92.86"),
    Row("SENet-50", Space(resnet50, gate=SE), "28.088", "4.130", "76.71 / 93.38"),
    Row("CBAM-50", Space(resnet50, gate=cbam), "28.090", "4.128", "77.34 / 93.69"),
    Row("SRM-50", Space(resnet50, gate=SRM), "25.617", "4.122", "77.13 / 93.51"),
    Row("ECA-50", Space(resnet50, gate=ECA), "25.557", "4.128", "77.40 / 93.61"),
    Row("TA-50", Space(resnet50, gate=TripletAttention), "25.562", "4.169", "77.48 / 93.68"),
    Row("SimAM-50", Space(resnet50, gate=SimAM), "25.557", "4.122", "77.45 / 93.66"),
    Row("SA-Net-50", Space(resnet50, gate=ShuffleAttention), "25.558", "4.130", "77.72 / 93.80"),
    Row("SKNet-50", None, "26.154", "4.185", "77.55 / 93.82", unresolved=NO_NETWORK),
    Row("EPSANet-50 (small)", Space(resnet50, mix=PSA), "22.562", "3.632", "77.49 / 93.54"),
    Row(
        "Res2Net-50 26ω×4s",
        Space(resnet50, mix=Res2Net),
        "25.699",
        "4.293",
        "77.95 / 93.85",
        unresolved=NORMED,
    ),
    Row(
        "PyConvResNet-50",
        Space(resnet50, mix=PYCONV_STAGES),
        "24.848",
        "3.883",
        "77.88 / 93.80",
        unresolved=STRIDED,
    ),
    Row("CoConvResNet-50", Space(resnet50, mix=COCONV_STAGES), "25.557", "4.122", "77.27 / 93.51"),
    Row("MSPANet-S-50", Space(resnet50, mix=small), "23.769", "3.895", "78.18 / 94.09"),
    Row("MSPANet-B-50", Space(resnet50, mix=MSPA), "25.621", "4.218", "78.40 / 94.25"),
)
resnet101_rows = (
    Row("ResNet-101", Space(resnet101), "44.549", "7.850", "77.37 / 93.54"),
    Row("SENet-101", Space(resnet101, gate=SE), "49.327", "7.863", "77.62 / 93.93"),
    Row("CBAM-101", Space(resnet101, gate=cbam), "49.330", "7.861", "78.49 / 94.31"),
    Row("SRM-101", Space(resnet101, gate=SRM), "44.679", "7.850", "78.47 / 94.20"),
    Row("ECA-101", Space(resnet101, gate=ECA), "44.549", "7.859", "78.62 / 94.28"),
    Row("TA-101", Space(resnet101, gate=TripletAttention), "44.559", "7.946", "78.03 / 93.85"),
    Row("SimAM-101", Space(resnet101, gate=SimAM), "44.549", "7.850", "78.65 / 94.11"),
    Row("SA-Net-101", Space(resnet101, gate=ShuffleAttention), "44.551", "7.863", "78.95 / 94.34"),
    Row("SKNet-101", None, "45.682", "7.978", "78.84 / 94.29", unresolved=NO_NETWORK),
    Row(
        "EPSANet-101 (small)",
        Space(resnet101, mix=PSA),
        "38.900",
        "6.839",
        "78.43 / 94.11",
        unresolved="6.838 G by the count that meets the row of EPSANet-50",
    ),
    Row(
        "Res2Net-101 26ω×4s",
        Space(resnet101, mix=Res2Net),
        "45.207",
        "8.122",
        "79.19 / 94.43",
        unresolved=NORMED,
    ),
    Row(
        "PyConvResNet-101",
        Space(resnet101, mix=PYCONV_STAGES),
        "42.308",
        "7.314",
        "79.01 / 94.47",
        unresolved=STRIDED,
    ),
    Row(
        "CoConvResNet-101",
        Space(resnet101, mix=COCONV_STAGES),
        "44.549",
        "7.850",
        "78.71 / 94.28",
    ),
    Row("MSPANet-S-101", Space(resnet101, mix=small), "41.376", "7.338", "79.21 / 94.51"),
    Row("MSPANet-B-101", Space(resnet101, mix=MSPA), "44.923", "7.993", "79.50 / 94.63"),
)

IMAGENET = Table(
    "Yu et al. 2024, classification on ImageNet-1K",
    data="imagenet",
    convention="ptflops 0.6",
    rows=resnet50_rows + resnet101_rows,
    accuracy="top-1 / top-5",
)
