"""Style-based Recalibration Module (SRM), Lee et al. 2019, https://arxiv.org/abs/1903.10829."""

import torch
from torch import Tensor, nn


class SRM(nn.Module):
    """Gate each channel by its own weighing of its mean and its standard deviation."""

    site = "gate"

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weigh = nn.Conv1d(channels, channels, 2, groups=channels, bias=False)
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.flatten(2)
        if pixels.shape[2] == 1:
            raise ValueError("SRM takes a standard deviation over pixels; a 1x1 map has one pixel")
        style = torch.stack([pixels.mean(2), pixels.std(2)], dim=2)
        logits: Tensor = self.norm(self.weigh(style))
        return x * logits.sigmoid().unsqueeze(3)
