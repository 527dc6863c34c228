"""What a network shows of itself; run as a program, what exported files show in a clean process.

That process has nothing but torch: this file imports nothing else, and keeps the rest out.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

KEPT_OUT = ("search", "spaces", "modules", "trials", "optuna", "ray", "timm", "torchvision")
BATCHES = (2, 3)
SEED = 0

Evidence = dict[str, Any]


class KeepOut:
    """Refuses the imports that an exported file must do without; `library` is one it may need."""

    library = ""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find nothing, and let nobody else find what is kept out."""
        root = name.partition(".")[0]
        if root in KEPT_OUT and root != self.library:
            raise ImportError(f"it imports {name}, and has nothing but torch")
        return None


def evidence(
    build: Callable[..., nn.Module],
    weights: str,
    sizes: Sequence[Sequence[int]],
    classes: int | None,
) -> Evidence:
    """Return what tells one network from another: hashes of its tensors and outputs, its costs.

    Where `classes` can be chosen, one more of them is tried too.
    """
    torch.set_num_threads(1)  # with more, sums may be taken in another order
    shown: Evidence = {}
    torch.manual_seed(SEED)
    shown["the state that a seed starts with"] = digest(build().state_dict())
    if classes is not None:
        shown["tensors for another number of classes"] = shapes(build(num_classes=classes + 1))
    network = build(weights=weights)
    shown["parameters"] = sum(parameter.numel() for parameter in network.parameters())
    for training in (True, False):
        network.train(training)
        for size, batch in zip(sizes, BATCHES, strict=False):
            mode = "training" if training else "evaluation"
            shape = "x".join(map(str, [batch, *size]))
            shown[f"outputs in {mode} for {shape}"] = digest(observed(network, batch, size))
    shown["multiply-accumulates"] = multiply_accumulates(network, sizes[0])
    return shown


def multiply_accumulates(network: nn.Module, size: Sequence[int]) -> int:
    """Count the work for one image."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, *size))
    flops: int = counter.get_total_flops()
    return flops // 2


def observed(network: nn.Module, batch: int, size: Sequence[int]) -> list[object]:
    """Return what a network makes of noise, and what it adds to the loss."""
    torch.manual_seed(SEED)
    with torch.no_grad():
        outputs: object = network(torch.randn(batch, *size))
        penalties = [getattr(part, "penalty", None) for part in network.modules()]
        return [outputs, *(penalty() for penalty in penalties if callable(penalty))]


def digest(value: object) -> str:
    """Hash every bit of the tensors in a value, with their names and shapes."""
    hashed = hashlib.sha256()
    for name, leaf in leaves(value):
        hashed.update(f"{name} {getattr(leaf, 'shape', leaf)}".encode())
        if isinstance(leaf, Tensor):
            tensor = leaf.detach().cpu().contiguous()
            hashed.update(f"{tensor.dtype}".encode())
            hashed.update(ctypes.string_at(tensor.data_ptr(), tensor.nbytes))
    return hashed.hexdigest()


def leaves(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Yield what a nested value holds, with the way to it."""
    if isinstance(value, Mapping | list | tuple):
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, held in pairs:
            yield from leaves(held, f"{name}.{key}")
    else:
        yield name, value


def shapes(network: nn.Module) -> dict[str, list[int]]:
    """Return the shapes of a network's tensors."""
    return {name: list(tensor.shape) for name, tensor in network.state_dict().items()}


def examine(keep_out: KeepOut, job: Mapping[str, Any]) -> None:
    """Write down the evidence for a file, or what went wrong."""
    keep_out.library = job["library"]
    try:
        spec = importlib.util.spec_from_file_location(job["name"], job["source"])
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[job["name"]] = module
        spec.loader.exec_module(module)
        found = evidence(module.build, job["weights"], job["sizes"], job["classes"])
    except Exception as error:
        found = {"error": f"{type(error).__name__}: {error}"}
    Path(job["evidence"]).write_text(json.dumps(found), encoding="utf-8")


def apart(work: Callable[[], None]) -> None:
    """Do some work in a process of its own, where the system can fork, and leave no trace."""
    if not hasattr(os, "fork"):
        work()
        return
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        work()
    finally:
        os._exit(0)


def main() -> None:
    """Examine the files that a file of jobs names."""
    keep_out = KeepOut()
    sys.meta_path.insert(0, keep_out)
    # the first count imports half of torch, here once for all that follow
    multiply_accumulates(nn.Identity(), [1])
    for job in json.loads(Path(sys.argv[-1]).read_text(encoding="utf-8")):
        apart(partial(examine, keep_out, job))


if __name__ == "__main__":
    main()
