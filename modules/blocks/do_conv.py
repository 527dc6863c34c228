"""Depthwise over-parameterized convolution (DO-Conv), Cao et al. 2020.

https://arxiv.org/abs/2006.12030
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DOConv(nn.Module):
    """Convolve with kernels that are products of a kernel and a learned mixture of its places.

    `fused()` is the plain convolution it amounts to once trained. `depth` is how many numbers the
    first factor has per kernel, at least its area. The mixture is stored as what it adds to the
    identity, where it starts.
    """

    site = "mix"
    identity: Tensor

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        kernel: int = 3,
        depth: int | None = None,
        bias: bool = False,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; DOConv needs an odd kernel")
        area = kernel * kernel
        width = depth or area
        if width < area:
            raise ValueError(f"depth = {width} is under {area}, the area of the kernel")
        self.channels = planes
        self.kernel, self.stride = kernel, stride
        self.weight = nn.Parameter(torch.empty(planes, planes, width))
        self.mixture = nn.Parameter(torch.empty(planes, area, width))
        self.register_buffer("identity", torch.eye(area, width), persistent=False)
        self.bias = nn.Parameter(torch.zeros(planes)) if bias else None
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        self.initialise()

    def initialise(self) -> None:
        """Start as the plain convolution with the first factor's kernels."""
        nn.init.zeros_(self.mixture)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernels(), self.bias, self.stride, self.kernel // 2)

    def kernels(self) -> Tensor:
        """Return the kernels of the plain convolution, (planes, planes, kernel, kernel)."""
        mixed = torch.einsum("ims,ois->oim", self.mixture + self.identity, self.weight)
        kernels: Tensor = mixed.unflatten(2, (self.kernel, self.kernel))
        return kernels

    def fused(self) -> nn.Conv2d:
        """Return the plain convolution that does the same."""
        plain = nn.Conv2d(
            self.channels,
            self.channels,
            self.kernel,
            self.stride,
            self.kernel // 2,
            bias=self.bias is not None,
            device=self.weight.device,
            dtype=self.weight.dtype,
        )
        with torch.no_grad():
            plain.weight.copy_(self.kernels())
            if plain.bias is not None and self.bias is not None:
                plain.bias.copy_(self.bias)
        return plain
