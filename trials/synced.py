"""BatchNorm whose statistics are those of the whole batch, however many processes share it."""

import torch
from torch import Tensor, distributed, nn
from torch.autograd import Function
from torch.autograd.function import FunctionCtx

KINDS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Sum(Function):
    """The sum of a tensor over all processes; so is its gradient's."""

    @staticmethod
    def forward(ctx: FunctionCtx, value: Tensor) -> Tensor:
        """Add up the values."""
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        """Add up the gradients."""
        total = gradient.clone()
        distributed.all_reduce(total)
        return total


class SyncedNorm(nn.SyncBatchNorm):
    """nn.SyncBatchNorm for the CPU too, which that one refuses."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise by mean and variance over the batches of all processes."""
        if x.is_cuda or not self.training:
            return super().forward(x)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        axes = [axis for axis in range(x.ndim) if axis != 1]
        shape = [-1 if axis == 1 else 1 for axis in range(x.ndim)]
        count = x.numel() // x.shape[1] * distributed.get_world_size()
        mean: Tensor = Sum.apply(wide.sum(axes)) / count
        centred = wide - mean.view(shape)
        variance: Tensor = Sum.apply(centred.square().sum(axes)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scaled = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            scaled = scaled * self.weight.view(shape) + self.bias.view(shape)
        return scaled.to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        steps = self.num_batches_tracked
        if self.running_mean is None or self.running_var is None or steps is None:
            return
        steps.add_(1)
        weight = self.momentum if self.momentum is not None else 1 / int(steps)
        self.running_mean.lerp_(mean, weight)
        self.running_var.lerp_(variance, weight)


def synced(network: nn.Module) -> None:
    """Replace torch's own BatchNorms, with the tensors they have; classes made of one stay."""
    for module in list(network.modules()):
        for name, norm in list(module.named_children()):
            if not isinstance(norm, KINDS) or type(norm) not in KINDS:
                continue
            ours = SyncedNorm(
                norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats
            )
            ours.weight, ours.bias = norm.weight, norm.bias
            ours.running_mean, ours.running_var = norm.running_mean, norm.running_var
            ours.num_batches_tracked = norm.num_batches_tracked
            setattr(module, name, ours)
