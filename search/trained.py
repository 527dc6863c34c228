"""The state of a trained network, from a file that may be torn, altered or hostile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from search.manifest import check_digest
from search.weights import load_tensors
from spaces import SpaceError
from trials.checkpoint import DamagedError, read

NAMED = 3
"""How many tensors an error names."""


def state_of(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a .safetensors, .pth or .state file; whatever it holds, nothing runs."""
    if path.suffix not in READERS:
        raise SpaceError(f"{path} is none of {', '.join(READERS)}")
    if not path.is_file():
        raise SpaceError(f"there is no file {path}")
    check_digest(path)
    try:
        held = READERS[path.suffix](path)
    except DamagedError as error:
        raise SpaceError(f"{path.parent}: {error}") from None
    except Exception as error:  # a crafted file can raise anything
        raise SpaceError(f"{path} is damaged, or holds more than tensors") from error
    if not isinstance(held, Mapping) or not all(isinstance(one, Tensor) for one in held.values()):
        raise SpaceError(f"{path} is not a state: it holds more than names and their tensors")
    return dict(held)


def load_pickled(path: Path) -> object:
    """Read a file of torch.save that holds tensors and plain values."""
    held: object = torch.load(path, map_location="cpu", weights_only=True)
    return held


READERS: Mapping[str, Callable[[Path], object]] = {
    ".safetensors": load_tensors,
    ".pth": load_pickled,
    ".state": read,
}


def check_fit(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Refuse a state that is another network's, and say where they part."""
    own = network.state_dict()
    missing = [name for name in own if name not in state]
    foreign = [name for name in state if name not in own]
    reshaped = [
        f"{name} of {shape(state[name])}, not {shape(tensor)}"
        for name, tensor in own.items()
        if name in state and state[name].shape != tensor.shape
    ]
    problems = [
        f"{words}: {some(names)}"
        for words, names in (
            ("it lacks", missing),
            ("the network has no", foreign),
            ("it has", reshaped),
        )
        if names
    ]
    if problems:
        raise SpaceError(f"the state does not fit the network; {'; '.join(problems)}")


def shape(tensor: Tensor) -> str:
    """Write a shape as 64x3x3x3."""
    return "x".join(map(str, tensor.shape)) or "one number"


def some(names: Iterable[str]) -> str:
    """Name the first of many."""
    named = list(names)
    rest = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return ", ".join(named[:NAMED]) + rest
