"""Mixture Attention (MA, EMANet), Entropy 24(9), 1180, 2022, https://doi.org/10.3390/e24091180."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modules.attention.psa import BranchGate, branch_width


class SoftBAN(nn.Module):
    """Normalise the batch, then share one scale out among the channels by the sample's averages.

    Without `softmax` each channel has its own scale: instance enhancement batch norm (IEBN), Liang
    et al. 2020, https://arxiv.org/abs/1908.04008.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self, channels: int, softmax: bool = True, momentum: float = 0.1, eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.softmax = nn.Softmax(dim=1) if softmax else nn.Identity()
        self.momentum = momentum
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.bias = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.weight_readjust = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.bias_readjust = nn.Parameter(torch.empty(1, channels, 1, 1))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.initialise()

    def initialise(self) -> None:
        """Start with equal shares."""
        nn.init.ones_(self.weight)
        nn.init.zeros_(self.bias)
        nn.init.zeros_(self.weight_readjust)
        nn.init.constant_(self.bias_readjust, -1)

    def forward(self, x: Tensor) -> Tensor:
        gate = (self.weight_readjust * self.pool(x) + self.bias_readjust).sigmoid()
        scale: Tensor = self.weight * self.softmax(gate)
        # the functional form: counters that know norms by their class leave this one out, and so
        # do the published FLOPs
        normal = F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
        )
        return normal * scale.to(normal.dtype) + self.bias.to(normal.dtype)


class ConvMixer(nn.Module):
    """Convolve, then mix space and channels, each on a shortcut and each as conv, GELU, norm.

    `norm` is what stands before the channel mix.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 1,
        mixer: int = 9,
        norm: Callable[[int], nn.Module] = SoftBAN,
    ) -> None:
        super().__init__()
        if mixer % 2 == 0:
            raise ValueError(f"mixer = {mixer} is even; a mixer needs an odd kernel to keep sizes")
        self.act = nn.GELU()
        self.conv = nn.Conv2d(
            channels, width, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.conv_norm = nn.BatchNorm2d(width)
        self.space = nn.Conv2d(width, width, mixer, padding=mixer // 2, groups=width)
        self.space_norm = nn.BatchNorm2d(width)
        self.norm = norm(width)
        self.channel = nn.Conv2d(width, width, 1)
        self.channel_norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv_norm(self.act(self.conv(x)))
        y = y + self.space_norm(self.act(self.space(y)))
        z: Tensor = self.channel_norm(self.act(self.channel(self.norm(y))))
        return y + z


class MA(nn.Module):
    """Weigh parallel mixers of several kernel sizes per channel; PSA with mixers for convolutions.

    `norm` before the channel mix is what the paper ablates: `SoftBAN`, `nn.BatchNorm2d`,
    `partial(SoftBAN, softmax=False)` (IEBN), or `nn.Identity`.
    """

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        kernels: Sequence[int] = (3, 5, 7, 9),
        groups: Sequence[int] = (1, 4, 8, 16),
        mixer: int = 9,
        reduction: int = 16,
        norm: Callable[[int], nn.Module] = SoftBAN,
    ) -> None:
        super().__init__()
        self.channels = planes
        width = branch_width(planes, kernels, groups)
        self.mixers = nn.ModuleList(
            ConvMixer(planes, width, kernel, stride, count, mixer, norm)
            for kernel, count in zip(kernels, groups, strict=True)
        )
        self.branches = BranchGate(width, reduction)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.branches([mixer(x) for mixer in self.mixers])
        return y
