"""Simple, parameter-free Attention Module (SimAM), Yang et al. 2021.

https://proceedings.mlr.press/v139/yang21o.html
"""

from torch import Tensor, nn


class SimAM(nn.Module):
    """Weigh each pixel by how far it stands out of its channel, without a parameter.

    `strength` is the λ of equation 5: 0.1 as in the MSPANet repository, the authors' own is 1e-4.
    """

    site = "gate"

    def __init__(self, channels: int, strength: float = 0.1) -> None:
        super().__init__()
        self.strength = strength

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] * x.shape[3] == 1:
            raise ValueError("SimAM takes a variance over pixels; a 1x1 map has one pixel")
        distance = x - x.mean((2, 3), keepdim=True)
        variance = x.var((2, 3), keepdim=True)
        salience = distance * distance / (4 * (variance + self.strength)) + 0.5
        return x * salience.sigmoid()
