"""Whether two sets of labels are one architecture: their networks are made alike and act alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from trials.meta import separate

PROBED = 2
"""Images in the probe: in training, norms need more than one."""
NOISE = 0.1


def fingerprint(build: Callable[[], nn.Module], shape: Sequence[int], seed: int = 0) -> str:
    """Return a hash of what a network of (c, h, w) images starts as, and of what it does.

    It is equal for networks that have, after the same seed, the same names, shapes and values in
    their state, and on one probe the same outputs, penalties and gradients in training and the same
    outputs and penalties in evaluation. Shapes alone are not enough: the heads of an attention
    change none. The last bits depend on the number of threads, so compare within one process.
    """
    found = hashlib.sha256()
    with torch.random.fork_rng(devices=[]):
        network = separate(partial(seeded, build, seed))
        note(found, network.state_dict())
        stir(network)
        images = torch.randn(PROBED, *shape)
        for training in (True, False):
            torch.default_generator.manual_seed(seed)
            with torch.set_grad_enabled(training):
                outcome = [network.train(training)(images), penalties(network)]
            note(found, outcome)
            if training:
                note(found, gradients(network, outcome))
    return found.hexdigest()[:16]


def seeded(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Build a network as it starts in a trial of this seed."""
    torch.default_generator.manual_seed(seed)
    return build()


def stir(network: nn.Module) -> None:
    """Move every weight: one that starts at zero would hide whatever it weighs."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(NOISE * torch.randn_like(parameter))


def penalties(network: nn.Module) -> list[Tensor]:
    """Return what the modules add to the loss after a forward."""
    asked = (getattr(module, "penalty", None) for module in network.modules())
    return [penalty() for penalty in asked if callable(penalty)]


def gradients(network: nn.Module, outcome: object) -> list[Tensor | None]:
    """Return how the outcome moves each weight; a weight that is held back says so here alone."""
    tensors = [leaf for leaf in tree_leaves(outcome) if isinstance(leaf, Tensor)]
    total = sum(leaf.square().sum() for leaf in tensors if leaf.requires_grad)
    weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if not isinstance(total, Tensor) or not weights:
        return []
    return list(torch.autograd.grad(total, weights, allow_unused=True))


def note(found: hashlib._Hash, value: object) -> None:
    """Take values into a hash: tensors with type and shape, all else as it is written."""
    if isinstance(value, Tensor):
        found.update(f"{value.dtype}{tuple(value.shape)}".encode())
        flat = value.detach().contiguous().flatten()
        found.update(flat.view(torch.uint8).numpy().tobytes())
    elif isinstance(value, dict):
        for key, item in value.items():
            found.update(f"{key}=".encode())
            note(found, item)
    elif isinstance(value, list | tuple):
        found.update(f"{len(value)}:".encode())
        for item in value:
            note(found, item)
    else:
        found.update(repr(value).encode())
