"""Interaction-Aggregation-Update (IAU), Hou et al. 2020, https://arxiv.org/abs/2007.09357.

For still images: the paper's module also takes in the other frames of a video.
"""

import torch
from torch import Tensor, nn


class ChannelUpdate(nn.Module):
    """Add to each channel a mixture of the channels that resemble it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.softmax = nn.Softmax(dim=2)
        self.out = nn.Conv2d(channels, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        self.initialise()

    def initialise(self) -> None:
        """Start as the identity."""
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        pixels = x.flatten(2)
        weights: Tensor = self.softmax(pixels @ pixels.transpose(1, 2))
        y: Tensor = self.norm(self.out((weights @ pixels).view_as(x)))
        return x + y


class PartsUpdate(nn.Module):
    """Let the averages of learned parts of the map update each other, then add their mean to it.

    The parts are the nodes of a graph; how much one takes of another comes from how they differ and
    from the average of the whole map.
    """

    def __init__(self, channels: int, parts: int) -> None:
        super().__init__()
        hidden = max(1, channels // 2)
        self.mask = nn.Sequential(nn.Conv2d(channels, parts, 1), nn.BatchNorm2d(parts))
        self.reduce = nn.Conv1d(channels, hidden, 1)
        self.edge = nn.Sequential(nn.Conv2d(2 * hidden, 1, 1), nn.BatchNorm2d(1))
        self.softmax = nn.Softmax(dim=2)
        self.update = nn.Sequential(
            nn.Conv1d(2 * hidden, hidden, 1), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True)
        )
        self.out = nn.Conv2d(2 * hidden, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        self.initialise()

    def initialise(self) -> None:
        """Start as the identity."""
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.mask(x)
        masks = logits.sigmoid().flatten(2)
        pixels = x.flatten(2)
        share = masks / masks.sum(2, keepdim=True)
        averages = torch.cat(
            [pixels @ share.transpose(1, 2).to(x.dtype), pixels.mean(2, keepdim=True)], dim=2
        )
        reduced: Tensor = self.reduce(averages)
        nodes, whole = reduced[:, :, :-1], reduced[:, :, -1:]
        neighbours = nodes @ self.adjacency(nodes, whole).transpose(1, 2)
        updated: Tensor = self.update(torch.cat([nodes, neighbours], dim=1))
        summary = torch.cat([updated.mean(2, keepdim=True), whole], dim=1)
        y: Tensor = self.norm(self.out(summary.unsqueeze(3)))
        return x + y

    def adjacency(self, nodes: Tensor, whole: Tensor) -> Tensor:
        """Return how much each node takes of each other one, (n, nodes, nodes)."""
        differences = (nodes.unsqueeze(3) - nodes.unsqueeze(2)).abs()
        context = whole.unsqueeze(3).expand_as(differences)
        logits: Tensor = self.edge(torch.cat([differences, context], dim=1)).squeeze(1)
        itself = torch.eye(nodes.shape[2], dtype=torch.bool, device=nodes.device)
        weights: Tensor = self.softmax(logits.masked_fill(itself, float("-inf")))
        return weights


class IAU(nn.Module):
    """Update the channels by each other, then every pixel by the parts of the whole map."""

    site = "after"

    def __init__(self, channels: int, parts: int = 4) -> None:
        super().__init__()
        if parts < 2:
            raise ValueError(f"parts = {parts} leaves a part nothing to interact with; IAU needs 2")
        self.channel = ChannelUpdate(channels)
        self.parts = PartsUpdate(channels, parts)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.parts(self.channel(x))
        return y
