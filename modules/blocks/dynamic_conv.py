"""Dynamic Convolution, Chen et al. 2020, https://arxiv.org/abs/1912.03458."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DynamicConv(nn.Module):
    """Convolve each image with its own softmax mixture of `experts` kernels.

    A high `temperature` keeps the mixture even, so that all kernels learn; the paper lowers it to 1
    over the first epochs, which is up to the training loop.
    """

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        kernel: int = 3,
        experts: int = 4,
        reduction: int = 4,
        temperature: float = 34.0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; DynamicConv needs an odd kernel")
        hidden = max(1, planes // reduction)
        self.channels = planes
        self.stride, self.temperature = stride, temperature
        self.weight = expert_kernels(experts, planes, kernel)
        self.bias = nn.Parameter(torch.zeros(experts, planes)) if bias else None
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(planes, hidden, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.expand = nn.Conv2d(hidden, experts, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.expand(self.relu(self.reduce(self.pool(x)))).flatten(1)
        mixture = torch.softmax(logits / self.temperature, dim=1)
        kernels = (mixture @ self.weight.flatten(1)).unflatten(1, self.weight.shape[1:])
        bias = None if self.bias is None else mixture @ self.bias
        return conv_per_image(x, kernels, bias, self.stride)


def expert_kernels(experts: int, planes: int, kernel: int) -> nn.Parameter:
    """Return kernels (experts, planes, planes, kernel, kernel), each drawn as if it were alone."""
    weight = torch.empty(experts, planes, planes, kernel, kernel)
    for one in weight:
        nn.init.kaiming_uniform_(one)
    return nn.Parameter(weight)


def conv_per_image(x: Tensor, kernels: Tensor, bias: Tensor | None, stride: int) -> Tensor:
    """Convolve each image with its own kernels (n, out, c, k, k), as groups of one convolution."""
    size, out, _, kernel, _ = kernels.shape
    images = x.reshape(1, -1, *x.shape[2:])
    flat = None if bias is None else bias.flatten()
    weight = kernels.flatten(0, 1)
    y = F.conv2d(images, weight, flat, stride, kernel // 2, groups=size)
    return y.reshape(size, out, *y.shape[2:])
