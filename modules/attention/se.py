"""Squeeze-and-Excitation (SE), Hu et al. 2018, https://arxiv.org/abs/1709.01507."""

from torch import Tensor, nn


class SEGate(nn.Module):
    """Channel weights (n, c, 1, 1) from the global average, through a bottleneck."""

    def __init__(
        self, channels: int, reduction: int = 16, bias: bool = True, norm: bool = False
    ) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, hidden, 1, bias=bias)
        self.norm = nn.BatchNorm2d(hidden) if norm else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        self.expand = nn.Conv2d(hidden, channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.expand(self.relu(self.norm(self.reduce(self.pool(x)))))
        return logits.sigmoid()


class SE(nn.Module):
    """Scale each channel by a gate computed from its global average.

    The default is what the MSPANet tables were counted with. The EMANet and SCSA repositories leave
    out `bias`, the latter's SEConv then has a `norm`.
    """

    site = "gate"

    def __init__(
        self, channels: int, reduction: int = 16, bias: bool = True, norm: bool = False
    ) -> None:
        super().__init__()
        self.gate = SEGate(channels, reduction, bias, norm)

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.gate(x)
        return x * weights
