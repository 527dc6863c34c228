"""Pyramid Squeeze Attention (PSA, EPSANet), Zhang et al. 2021, https://arxiv.org/abs/2105.14447."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from modules.attention.se import SEGate


class PSA(nn.Module):
    """Convolve with kernels of several sizes in parallel, then weigh the branches per channel."""

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        kernels: Sequence[int] = (3, 5, 7, 9),
        groups: Sequence[int] = (1, 4, 8, 16),
        reduction: int = 16,
    ) -> None:
        super().__init__()
        self.channels = planes
        width = branch_width(planes, kernels, groups)
        self.convs = nn.ModuleList(
            nn.Conv2d(planes, width, kernel, stride, kernel // 2, groups=count, bias=False)
            for kernel, count in zip(kernels, groups, strict=True)
        )
        self.branches = BranchGate(width, reduction)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.branches([conv(x) for conv in self.convs])
        return y


class BranchGate(nn.Module):
    """Weigh branches by a softmax over their gates, then concatenate them, the last one first.

    One gate serves all branches. The order is the released code's.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        self.gate = SEGate(channels, reduction)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, branches: Sequence[Tensor]) -> Tensor:
        reverse = list(branches)[::-1]
        weights: Tensor = self.softmax(torch.stack([self.gate(branch) for branch in reverse], 1))
        stacked = torch.stack(reverse, dim=1)
        return (stacked * weights.to(stacked.dtype)).flatten(1, 2)


def branch_width(planes: int, kernels: Sequence[int], groups: Sequence[int]) -> int:
    """Return the channels of each branch; every branch must divide into its groups."""
    if len(kernels) != len(groups):
        raise ValueError(f"{len(kernels)} kernels need as many groups, not {len(groups)}")
    if not all(kernel % 2 for kernel in kernels):
        raise ValueError(f"kernels = {tuple(kernels)} are not all odd, so none stays centred")
    width, rest = divmod(planes, len(kernels))
    if rest:
        raise ValueError(f"planes = {planes} is not divisible by {len(kernels)} kernels")
    for count in groups:
        if width % count:
            raise ValueError(
                f"planes = {planes} gives branches of {width} channels, "
                f"not divisible by {count} groups"
            )
    return width
