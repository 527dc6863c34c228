"""Attentional Feature Fusion (AFF, iAFF), Dai et al. 2021, https://arxiv.org/abs/2009.14082."""

from torch import Tensor, nn

from modules.attention.ms_cam import MultiScaleGate


class DAF(nn.Module):
    """Add two maps (direct addition fusion): what the others replace."""

    site = "fuse"

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class AFF(nn.Module):
    """Let two maps compete for every pixel of every channel.

    As released the result is doubled, so that equal weights give the plain sum; the paper's
    equation does not double.
    """

    site = "fuse"

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.gate = MultiScaleGate(channels, reduction)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        weights: Tensor = self.gate(x + y)
        return 2 * (x * weights + y * (1 - weights))


class IAFF(nn.Module):
    """Let two maps compete twice: the winners of the first time judge the second.

    As in the paper each time has weights of its own; the released code has them, yet takes the
    first context twice.
    """

    site = "fuse"

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        self.first = MultiScaleGate(channels, reduction)
        self.second = MultiScaleGate(channels, reduction)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        weights: Tensor = self.first(x + y)
        weights = self.second(x * weights + y * (1 - weights))
        return x * weights + y * (1 - weights)
