"""Self-attention for image recognition (SAN), Zhao et al. 2020, https://arxiv.org/abs/2004.13621."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SAN(nn.Module):
    """Sum each pixel's window with weights that are computed, a vector per neighbour.

    The weights come from pairs of pixels, or, with `patchwise`, from the window as a whole. `share`
    channels take the same weight, computed from `planes // reduction` features. Windows are
    reflected at the edge. `out` is how many channels it returns where it is not a mix.
    """

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        kernel: int = 7,
        patchwise: bool = False,
        share: int = 8,
        reduction: int = 16,
        out: int | None = None,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; SAN needs an odd window")
        width = out or planes
        if width % share:
            raise ValueError(f"planes = {width} is not divisible by {share} channels a weight")
        hidden = max(1, planes // reduction)
        self.channels = planes
        self.kernel, self.stride, self.share = kernel, stride, share
        self.query = nn.Conv2d(planes, hidden, 1)
        self.key = nn.Conv2d(planes, hidden, 1)
        self.value = nn.Conv2d(planes, width, 1)
        kind = Patchwise if patchwise else Pairwise
        self.weigh = kind(hidden, width // share, kernel, stride)

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.weigh(self.query(x), self.key(x))
        values: Tensor = self.value(x)
        windows = unfolded(values, self.kernel, self.stride)
        # channel c takes weight c % (channels // share)
        shared = windows.unflatten(1, (self.share, -1))
        y: Tensor = (shared * weights.to(shared.dtype).unsqueeze(1)).sum(3).flatten(1, 2)
        height, width = ((side - 1) // self.stride + 1 for side in x.shape[2:])
        return y.to(values.dtype).view(len(x), -1, height, width)


class Pairwise(nn.Module):
    """A softmax over the window, from how each pair differs and how it lies to each other."""

    def __init__(self, hidden: int, out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.perceptron = nn.Sequential(
            nn.BatchNorm2d(hidden + 2),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden + 2, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, out, 1),
        )
        self.place = nn.Conv2d(2, 2, 1)
        self.softmax = nn.Softmax(dim=2)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        places: Tensor = self.place(coordinates(query)).to(query.dtype)
        centre, neighbours = (
            torch.cat([x, places.expand(len(x), -1, -1, -1)], dim=1) for x in (query, key)
        )
        differences = unfolded(centre, 1, self.stride) - unfolded(
            neighbours, self.kernel, self.stride
        )
        weights: Tensor = self.softmax(self.perceptron(differences))
        return weights


class Patchwise(nn.Module):
    """Weights from all features of the window and its centre at once."""

    def __init__(self, hidden: int, out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        width = hidden * (kernel * kernel + 1)
        self.perceptron = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, out, 1, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
            nn.Conv2d(out, kernel * kernel * out, 1),
        )

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        centre = unfolded(query, 1, self.stride).flatten(1, 2)
        window = unfolded(key, self.kernel, self.stride).flatten(1, 2)
        weights: Tensor = self.perceptron(torch.cat([centre, window], dim=1).unsqueeze(2))
        return weights.view(len(weights), -1, self.kernel**2, weights.shape[3])


def unfolded(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Return the window around every `stride`-th pixel, (n, c, kernel², windows)."""
    pad = kernel // 2
    height, width = x.shape[2:]
    if pad >= min(height, width):
        raise ValueError(f"a {height}x{width} map is too small to reflect {pad} pixels at its edge")
    padded = F.pad(x, [pad] * 4, mode="reflect") if pad else x
    windows: Tensor = F.unfold(padded, kernel, stride=stride).unflatten(1, (x.shape[1], -1))
    return windows


def coordinates(x: Tensor) -> Tensor:
    """Return how far each pixel lies to the right and down, from -1 to 1, (1, 2, h, w)."""
    height, width = x.shape[2:]
    across = torch.linspace(-1, 1, width, dtype=x.dtype, device=x.device)
    down = torch.linspace(-1, 1, height, dtype=x.dtype, device=x.device)
    return torch.stack([across.expand(height, width), down[:, None].expand(height, width)])[None]
