"""Swish, Ramachandran et al. 2017, https://arxiv.org/abs/1710.05941."""

from torch import Tensor, nn
from torch.nn import functional as F


class Swish(nn.Module):
    """Scale each number by its sigmoid."""

    site = "act"

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(x)
