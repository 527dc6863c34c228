"""Gram matrix of a map (style transfer), Gatys et al. 2016, https://arxiv.org/abs/1508.06576."""

from torch import Tensor, nn


class Gram(nn.Module):
    """Return how each pair of channels varies together, (n, c, c), over channels times pixels.

    It has no site, for it returns no map.
    """

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.flatten(2)
        return pixels @ pixels.transpose(1, 2) / (pixels.shape[1] * pixels.shape[2])
