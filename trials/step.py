"""One step of training: forward, loss and penalties, backward, update."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from trials.parallel import add_up, world
from trials.recipe import Recipe


class Step:
    """Move the weights by one batch, in as many parts as the recipe accumulates."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: Optimizer,
        recipe: Recipe,
        dtype: torch.dtype,
        classes: int,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.recipe = recipe
        self.dtype = dtype
        self.classes = classes
        device = next(network.parameters()).device
        self.scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
        self.penalties = penalties(network)

    def __call__(self, images: Tensor, targets: Tensor) -> Tensor:
        """Return the loss, of which every process has its share."""
        self.optimizer.zero_grad(set_to_none=True)
        parts = min(self.recipe.accumulate, len(images))
        losses = []
        for some, wanted in zip(
            images.tensor_split(parts), targets.tensor_split(parts), strict=True
        ):
            loss = self.loss(some, wanted) * (len(some) / (len(images) * world()))
            self.scaler.scale(loss).backward()
            losses.append(loss.detach())
        add_up([weight.grad for weight in self.network.parameters() if weight.grad is not None])
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return torch.stack(losses).sum()

    def loss(self, images: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss, and the penalties of modules that have one, in fp32 at least."""
        with autocast(images.device, self.dtype):
            logits: Tensor = self.network(images)
        if logits.shape != (len(images), self.classes):
            raise ValueError(
                f"the network returns {tuple(logits.shape)} for {len(images)} images "
                f"of {self.classes} classes"
            )
        wide = torch.promote_types(logits.dtype, torch.float32)
        smoothing = self.recipe.label_smoothing
        targets = targets.to(wide) if targets.is_floating_point() else targets
        loss = F.cross_entropy(logits.to(wide), targets, label_smoothing=smoothing)
        for penalty in self.penalties:
            loss = loss + penalty().to(wide)
        return loss


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Return the context in which products run in half precision, if that is the dtype."""
    return torch.autocast(device.type, dtype, enabled=dtype.itemsize == 2)


def compile_blocks(module: nn.Module) -> None:
    """Compile each block of a sequence apart: equal blocks, in later networks too, cost once."""
    rows = (nn.Sequential, nn.ModuleList)
    for child in module.children():
        if isinstance(module, rows) and not isinstance(child, rows) and any(child.children()):
            child.compile()
        else:
            compile_blocks(child)


def penalties(network: nn.Module) -> list[Callable[[], Tensor]]:
    """Return the methods by which modules add a term to the loss."""
    found = (getattr(module, "penalty", None) for module in network.modules())
    return [penalty for penalty in found if callable(penalty)]
