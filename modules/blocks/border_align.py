"""Border Align (BorderDet), Qiu et al. 2020, https://arxiv.org/abs/2007.11056."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class BorderAlign(nn.Module):
    """Return the maxima of maps along the borders of boxes, (n, c, boxes, 4).

    The map has 4 * c channels, c for each of the top, left, bottom and right borders. Boxes are
    (n, boxes, 4) left, top, right, bottom in pixels of the map. Each border is read at `points` + 1
    places, in between pixels linearly. It has no site, for it needs boxes.
    """

    def __init__(self, points: int = 10) -> None:
        super().__init__()
        self.points = points

    def forward(self, x: Tensor, boxes: Tensor) -> Tensor:
        if x.shape[1] % 4:
            raise ValueError(f"a map of {x.shape[1]} channels has none for each of 4 borders")
        height, width = x.shape[2:]
        places = borders(boxes, self.points) / boxes.new_tensor(
            [max(1, width - 1), max(1, height - 1)]
        )
        # (n, 4, c, h, w) and (n, 4, boxes, points + 1, 2): a border is an image of its own
        sampled = F.grid_sample(
            x.unflatten(1, (4, -1)).flatten(0, 1),
            (2 * places - 1).flatten(0, 1).to(x.dtype),
            padding_mode="border",
            align_corners=True,
        )
        maxima: Tensor = sampled.amax(3).unflatten(0, (-1, 4)).movedim(1, 3)
        return maxima.to(x.dtype)


def borders(boxes: Tensor, points: int) -> Tensor:
    """Return evenly spaced places (x, y) on the four borders, (n, 4, boxes, points + 1, 2)."""
    left, top, right, bottom = boxes.unsqueeze(3).unbind(2)
    step = torch.linspace(0, 1, points + 1, dtype=boxes.dtype, device=boxes.device)
    across = left + (right - left) * step
    down = top + (bottom - top) * step
    corners = (
        (across, top.expand_as(across)),
        (left.expand_as(down), down),
        (across, bottom.expand_as(across)),
        (right.expand_as(down), down),
    )
    return torch.stack([torch.stack(corner, dim=3) for corner in corners], dim=1)
