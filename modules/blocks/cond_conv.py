"""Conditionally parameterized convolutions (CondConv), Yang et al. 2019.

https://arxiv.org/abs/1904.04971
"""

import torch
from torch import Tensor, nn

from modules.blocks.dynamic_conv import conv_per_image, expert_kernels


class CondConv(nn.Module):
    """Convolve each image with a sum of `experts` kernels, weighed by its average's sigmoids."""

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        kernel: int = 3,
        experts: int = 3,
        dropout: float = 0.2,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; CondConv needs an odd kernel")
        self.channels = planes
        self.stride = stride
        self.weight = expert_kernels(experts, planes, kernel)
        self.bias = nn.Parameter(torch.zeros(planes)) if bias else None
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.route = nn.Linear(planes, experts)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.route(self.dropout(self.pool(x).flatten(1)))
        shares = logits.sigmoid()[:, :, None, None, None, None]
        # one expert at a time: all at once would hold a kernel per image and expert
        kernels = shares[:, 0] * self.weight[0]
        for expert in range(1, len(self.weight)):
            kernels = kernels + shares[:, expert] * self.weight[expert]
        bias = None if self.bias is None else self.bias.expand(len(x), -1)
        return conv_per_image(x, kernels, bias, self.stride)
