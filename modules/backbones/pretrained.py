"""Published ImageNet weights for our ResNets: torchvision's files, wherever name and shape fit."""

import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass

import torch
from torch import Tensor, nn

HOST = "https://download.pytorch.org/models/"
PUBLISHED = {
    "resnet18": "resnet18-f37072fd.pth",
    "resnet34": "resnet34-b627a593.pth",
    "resnet50": "resnet50-0676ba61.pth",
    "resnet101": "resnet101-63fe2227.pth",
    "resnet152": "resnet152-394f9c45.pth",
}

AROUND = {"conv1": "stem.0", "bn1": "stem.1", "fc": "head.2"}
ENDS = {"conv1": "residual.0", "bn1": "residual.1"} | {
    f"downsample.{index}": f"shortcut.{index}" for index in (0, 1)
}
BASIC = ENDS | {"conv2": "residual.4.conv", "bn2": "residual.5"}
BOTTLENECK = ENDS | {
    "conv2": "residual.3.conv",
    "bn2": "residual.4",
    "conv3": "residual.7",
    "bn3": "residual.8",
}


@dataclass(frozen=True)
class Report:
    """What loading did: names of our tensors, and under `unused` of published ones."""

    loaded: tuple[str, ...]
    reshaped: tuple[str, ...]
    absent: tuple[str, ...]
    unused: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{len(self.loaded)} tensors loaded"]
        for words, names in (
            ("kept, published in another shape", self.reshaped),
            ("kept, not published", self.absent),
            ("published, without a place here", self.unused),
        ):
            if names:
                lines.append(f"{len(names)} {words}: {by_module(names)}")
        return "\n".join(lines)


def load_pretrained(network: nn.Module, weights: str | Mapping[str, Tensor]) -> Report:
    """Copy into a ResNet what fits it of a torchvision state dict, or of the one published so.

    What has no counterpart keeps its values: an inserted module stays at its own start.
    """
    published = download(weights) if isinstance(weights, str) else weights
    block = BOTTLENECK if "layer1.0.conv3.weight" in published else BASIC
    theirs = {ours(name, block): name for name in published if counted(name)}
    state = {name: tensor for name, tensor in network.state_dict().items() if counted(name)}
    both = [name for name in state if name in theirs]
    loaded = [name for name in both if state[name].shape == published[theirs[name]].shape]
    if not loaded:
        raise ValueError("no published tensor has a name and a shape of this network's")
    for name in loaded:
        state[name].copy_(published[theirs[name]])
    return Report(
        tuple(loaded),
        tuple(name for name in both if name not in loaded),
        tuple(name for name in state if name not in theirs),
        tuple(name for place, name in theirs.items() if place not in state),
    )


def download(name: str) -> Mapping[str, Tensor]:
    """Return torchvision's first published weights of a ResNet; torch keeps the file."""
    if name not in PUBLISHED:
        raise ValueError(f"{name!r} has no published weights; {', '.join(PUBLISHED)} have")
    url = HOST + PUBLISHED[name]
    try:
        with redirect_stdout(sys.stderr):  # where torch.hub says that it downloads
            state: Mapping[str, Tensor] = torch.hub.load_state_dict_from_url(
                url, map_location="cpu", progress=False, check_hash=True, weights_only=True
            )
    except OSError as error:
        raise OSError(
            f"cannot download {url} ({error}); without a network, put the file into "
            f"{torch.hub.get_dir()}/checkpoints, or build without weights"
        ) from error
    return state


def ours(name: str, block: Mapping[str, str]) -> str:
    """Return our name of a torchvision ResNet's tensor."""
    layer, _, tensor = name.rpartition(".")
    if layer in AROUND:
        return f"{AROUND[layer]}.{tensor}"
    match = re.fullmatch(r"layer(\d+\.\d+)\.(.+)", layer)
    if match is None or match[2] not in block:
        raise ValueError(f"{name!r} is no name of a torchvision ResNet")
    return f"stage{match[1]}.{block[match[2]]}.{tensor}"


def counted(name: str) -> bool:
    """Tell a weight or a statistic from a counter of batches, which old files lack."""
    return not name.endswith("num_batches_tracked")


def by_module(names: Iterable[str]) -> str:
    """Sum names up as modules, and those that stand in blocks over the blocks."""
    blocks: dict[str, set[str]] = {}
    for name in names:
        match = re.match(r"((?:stage|layer)\d+\.\d+)\.(residual\.\d+|\w+)", name)
        block, module = match.groups() if match else ("", ".".join(name.split(".")[:2]))
        blocks.setdefault(module, set()).add(block)
    return ", ".join(
        module if where == {""} else f"{module} of {len(where)} block{'s' * (len(where) > 1)}"
        for module, where in blocks.items()
    )
