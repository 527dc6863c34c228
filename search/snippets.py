"""Files beside an export that take its network into another library, each short enough to copy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

import torch
from torch import Tensor, nn

from search.layout import Bracketed, laid_out
from search.plugins import in_mmdet
from search.standalone import Original
from spaces import SpaceError

TORCHVISION = Template('''\
"""$name in torchvision: maps for its detectors, and a Faster R-CNN on them."""

from pathlib import Path

from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.ops import MultiScaleRoIAlign

from $name import build

WEIGHTS = str(Path(__file__).with_name("$name.safetensors"))
$channels
# eight times the step of each map, and of the one that is pooled from the last
$anchors


def pyramid(channels: int = 256) -> BackboneWithFPN:
    """Build maps of equal channels, named 0, 1, ... and pool, the finest first."""
    places = {stage: str(level) for level, stage in enumerate(CHANNELS)}
    return BackboneWithFPN(build(weights=WEIGHTS), places, list(CHANNELS.values()), channels)


def detector(num_classes: int) -> FasterRCNN:
    """Build a Faster R-CNN; its class 0 is the background."""
    anchors = AnchorGenerator([(size,) for size in ANCHORS], [(0.5, 1.0, 2.0)] * len(ANCHORS))
    levels = [str(level) for level in range(len(CHANNELS))]
    pool = MultiScaleRoIAlign(levels, output_size=7, sampling_ratio=2)
    return FasterRCNN(pyramid(), num_classes, rpn_anchor_generator=anchors, box_roi_pool=pool)
''')

TIMM = Template('''\
"""$name in timm, once this file is imported: timm.create_model("$name", features_only=True)."""

from collections.abc import Sequence
from pathlib import Path

from timm.models import FeatureListNet, register_model
from torch import nn

import $name as written

WEIGHTS = str(Path(__file__).with_name("$name.safetensors"))
$features


@register_model
def $name(
    pretrained: bool = False,
    features_only: bool = False,
    out_indices: Sequence[int] = tuple(range(len(FEATURES))),
    pretrained_cfg: object = None,
    pretrained_cfg_overlay: object = None,
    cache_dir: object = None,
    **arguments: int,
) -> nn.Module:
    """Build the network, or what gives its maps; arguments are those of its own build."""
    network = written.build(**arguments, weights=WEIGHTS if pretrained else None)
    network.feature_info = FEATURES
    return FeatureListNet(network, out_indices) if features_only else network
''')


@dataclass(frozen=True)
class Maps:
    """A network to be taken elsewhere: the channels of its stages, and their steps in pixels."""

    name: str
    sites: Mapping[str, object]
    channels: Mapping[str, int]
    steps: Sequence[int]


def snippet(library: str, original: Original, name: str, network: nn.Module) -> str:
    """Return the text of the file that takes a network into a library."""
    stages: Any = getattr(network.eval(), "stages", None)
    if stages is None:
        raise SpaceError(f"{name} has no stages(), whose maps {library} would be handed")
    with torch.no_grad():
        held: list[Tensor] = stages(torch.zeros(2, *original.shape))
    names = [child for child, _ in network.named_children() if child.startswith("stage")]
    channels = {child: one.shape[1] for child, one in zip(names, held, strict=True)}
    steps = [original.shape[1] // one.shape[2] for one in held]
    return LIBRARIES[library](Maps(name, original.network.keywords, channels, steps))


def in_torchvision(maps: Maps) -> str:
    """Write a feature pyramid, and a detector on it."""
    channels = tuple(f'"{stage}": {count}' for stage, count in maps.channels.items())
    anchors = tuple(str(8 * step) for step in [*maps.steps, 2 * maps.steps[-1]])
    return TORCHVISION.substitute(
        name=maps.name,
        channels=stated("CHANNELS", Bracketed("{", channels, "}")),
        anchors=stated("ANCHORS", Bracketed("(", anchors)),
    )


def in_timm(maps: Maps) -> str:
    """Write an entry in timm's list of models."""
    features = tuple(
        Bracketed("{", (f'"module": "{stage}"', f'"num_chs": {count}', f'"reduction": {step}'), "}")
        for (stage, count), step in zip(maps.channels.items(), maps.steps, strict=True)
    )
    return TIMM.substitute(
        name=maps.name,
        features=stated("FEATURES", Bracketed("[", features, "]")),
    )


def stated(name: str, value: Bracketed) -> str:
    """Write an assignment."""
    return "\n".join(
        laid_out(Bracketed(value.open, value.items, value.close, prefix=f"{name} = "), 0)
    )


LIBRARIES: Mapping[str, Callable[[Maps], str]] = {
    "torchvision": in_torchvision,
    "timm": in_timm,
    "mmdet": lambda maps: in_mmdet(maps.name, [*maps.channels.values()], maps.sites),
}
