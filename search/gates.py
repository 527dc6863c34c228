"""How far the gates of a network are open: what comes out of each over what goes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SILENT = 1e-3
"""Inputs below this share of the largest say nothing of a gate: they are near rounding."""
MOST = 1_000_000
"""How many ratios of a gate are looked at."""


@dataclass(frozen=True)
class Opening:
    """The ratios of one gate, or of all gates of a stage; `quantiles` are those of QUANTILES."""

    mean: float
    std: float
    quantiles: tuple[float, ...]


def openings(network: nn.Module, images: Tensor) -> dict[str, Opening]:
    """Return how far open the gates of each stage are; empty for a network without any.

    A gate is a module that says so (`site = "gate"`) and keeps the shape of what goes in.
    """
    network.eval()
    found: dict[str, list[Tensor]] = {}

    def note(stage: str) -> Callable[..., None]:
        def look(_: object, inputs: tuple[object, ...], out: object) -> None:
            x = inputs[0] if inputs else None
            if isinstance(x, Tensor) and isinstance(out, Tensor) and x.shape == out.shape:
                found.setdefault(stage, []).append(ratios(x, out))

        return look

    with ExitStack() as stack, torch.no_grad():
        for name, module in network.named_modules():
            if getattr(module, "site", None) == "gate":
                hook = module.register_forward_hook(note(name.partition(".")[0]))
                stack.callback(hook.remove)
        network(images)
    return {stage: opening(torch.cat(held)) for stage, held in found.items()}


def ratios(x: Tensor, out: Tensor) -> Tensor:
    """Return out / x where x is not silent, evenly thinned where there are very many."""
    x, out = x.double(), out.double()
    heard = x.abs() > SILENT * x.abs().amax()
    every = out[heard] / x[heard]
    return every[:: len(every) // MOST + 1]


def opening(ratios: Tensor) -> Opening:
    """Return mean, deviation and quantiles."""
    ordered = ratios.sort().values
    places = [round(share * (len(ordered) - 1)) for share in QUANTILES]
    return Opening(
        float(ratios.mean()),
        float(ratios.std(correction=0)),
        tuple(float(ordered[place]) for place in places),
    )


def document(held: Mapping[str, Opening]) -> dict[str, dict[str, object]]:
    """Return the statistics as plain data."""
    return {
        stage: {
            "mean": one.mean,
            "std": one.std,
            **{f"q{round(100 * q)}": v for q, v in zip(QUANTILES, one.quantiles, strict=True)},
        }
        for stage, one in held.items()
    }
