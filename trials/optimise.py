"""How weights move: the optimiser, the schedule as a formula, the average of the weights."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from trials.recipe import Recipe


def rate(recipe: Recipe, progress: float) -> float:
    """Return the learning rate after `progress` epochs, a fraction counting as one."""
    if progress < recipe.warmup:
        return recipe.lr * progress / recipe.warmup
    if recipe.schedule == "steps":
        return recipe.lr * recipe.gamma ** sum(progress >= stone for stone in recipe.milestones)
    done = (progress - recipe.warmup) / (recipe.epochs - recipe.warmup)
    return recipe.lr * (1 + math.cos(math.pi * done)) / 2


def optimiser(network: nn.Module, recipe: Recipe, device: torch.device) -> Optimizer:
    """Return the recipe's optimiser, fused; on a GPU its rate is a tensor that a graph can read."""
    groups = [{"params": list(network.parameters()), "weight_decay": recipe.weight_decay}]
    if not recipe.decay_norms:
        vectors = [weight for weight in network.parameters() if weight.ndim <= 1]
        weights = [weight for weight in network.parameters() if weight.ndim > 1]
        groups = [
            {"params": weights, "weight_decay": recipe.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
    gpu = device.type == "cuda"
    lr = torch.tensor(recipe.lr, device=device) if gpu else recipe.lr
    if recipe.optimizer == "adamw":
        return AdamW(groups, lr, fused=True, capturable=gpu)
    sgd = SGD(groups, lr, recipe.momentum, nesterov=recipe.nesterov, fused=True)
    if recipe.momentum:
        # the fused step wants them for all weights or for none; a module may first be used late
        for weight in network.parameters():
            sgd.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
    return sgd


def set_rate(optimizer: Optimizer, value: float) -> None:
    """Set the learning rate without waiting for the device."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(value)
        else:
            group["lr"] = value


class Average:
    """A running average of a network's weights and statistics.

    The decay rises as (1 + steps) / (10 + steps), so that short trainings forget their start.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        values = [*network.parameters(), *network.buffers()]
        self.live = [value.detach() for value in values if value.is_floating_point()]
        self.mean = [value.clone() for value in self.live]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.mean, self.live, 1 - decay)

    def restore(self, steps: int, mean: list[Tensor]) -> None:
        """Go on from an average kept after so many steps."""
        self.steps = steps
        for ours, kept in zip(self.mean, mean, strict=True):
            ours.copy_(kept)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average in the network's place for a while."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the average and the network's own weights."""
        for live, mean in zip(self.live, self.mean, strict=True):
            kept = live.clone()
            live.copy_(mean)
            mean.copy_(kept)
