"""Grad-CAM++, Chattopadhay et al. 2018, https://arxiv.org/abs/1710.11063: where a network looks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SMALL = 1e-6
"""Keeps α finite, with the value of the grad-cam package, so that maps can be laid side by side."""


def looked_at(network: nn.Module, images: Tensor, classes: Tensor | None = None) -> Tensor:
    """Return maps (n, h, w) in 0..1 of what speaks for a class in each image.

    They are of the last maps that a network makes before its head; without classes, for its guess.
    """
    network.eval()
    layer = last_maps(network, images[:1])
    held: list[Tensor] = []
    with ExitStack() as stack, torch.enable_grad():
        hook = layer.register_forward_hook(lambda _, __, out: held.append(out))
        stack.callback(hook.remove)
        # the image too, so that there is a way back where no parameter is learnt
        logits: Tensor = network(images.clone().requires_grad_())
        chosen = logits.argmax(1) if classes is None else classes
        total = logits.gather(1, chosen[:, None]).sum()
        (slopes,) = torch.autograd.grad(total, held[-1])
    return stretched(weighed(held[-1].detach(), slopes), images.shape[2:])


def weighed(maps: Tensor, slopes: Tensor) -> Tensor:
    """Add up the maps (n, c, h, w) by equations 6, 19 and 20, in float32 (n, h, w)."""
    maps, slopes = maps.float(), slopes.float()
    squares = slopes**2
    alphas = squares / (2 * squares + maps.sum((2, 3), keepdim=True) * slopes**3 + SMALL)
    alphas = torch.where(slopes != 0, alphas, 0)
    weights = (alphas * slopes.relu()).sum((2, 3), keepdim=True)
    return (weights * maps).sum(1).relu()


def stretched(maps: Tensor, size: torch.Size) -> Tensor:
    """Bring maps to the size of the images, each from 0 to 1."""
    large = F.interpolate(unit(maps)[:, None], list(size), mode="bilinear")[:, 0]
    return unit(large)


def unit(maps: Tensor) -> Tensor:
    """Shift and scale each map to begin at 0 and end at 1; one that is flat is 0."""
    above = maps - maps.amin((1, 2), keepdim=True)
    return above / (above.amax((1, 2), keepdim=True) + 1e-7)


def last_maps(network: nn.Module, image: Tensor) -> nn.Module:
    """Return the module that is the last to hand on maps of more than a pixel."""
    last: list[nn.Module] = []

    def note(module: nn.Module) -> Callable[..., None]:
        def look(_: object, __: object, out: object) -> None:
            if isinstance(out, Tensor) and out.dim() == 4 and out.shape[2] * out.shape[3] > 1:
                last[:] = [module]

        return look

    with ExitStack() as stack, torch.no_grad():
        for module in network.modules():
            if module is not network:
                stack.callback(module.register_forward_hook(note(module)).remove)
        network(image)
    if not last:
        raise ValueError("no module of the network hands on maps of more than a pixel")
    return last[0]
