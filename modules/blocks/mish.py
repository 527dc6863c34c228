"""Mish, Misra 2019, https://arxiv.org/abs/1908.08681."""

from torch import Tensor, nn
from torch.nn import functional as F


class Mish(nn.Module):
    """Scale each number by the hyperbolic tangent of its softplus."""

    site = "act"

    def forward(self, x: Tensor) -> Tensor:
        return F.mish(x)
