"""Blend: a residual branch that starts at nothing (ReZero), Bachlechner et al. 2020.

https://arxiv.org/abs/2003.04887
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from modules.attention.se import SE


class Blend(nn.Module):
    """Move from the map towards what a gate makes of it, by a learnt share that starts at zero.

    So any gate, also one that halves what it is given at the start, leaves a pretrained network's
    outputs as they are. The paper adds a branch; here the branch is the gate's change to the map.
    """

    site = "gate"

    def __init__(self, channels: int, gate: Callable[[int], nn.Module] = SE) -> None:
        super().__init__()
        self.gate = gate(channels)
        self.share = nn.Parameter(torch.empty(()))
        self.initialise()

    def initialise(self) -> None:
        """Start as the identity."""
        nn.init.zeros_(self.share)

    def forward(self, x: Tensor) -> Tensor:
        gated: Tensor = self.gate(x)
        # a number without dimensions leaves the dtype of the map as it is
        return x + self.share * (gated - x)
