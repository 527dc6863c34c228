"""Dynamic Group Convolution (DGC), Su et al. 2020, https://arxiv.org/abs/2007.04242."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class DGC(nn.Module):
    """Norm and activate, then convolve in heads that each keep their own most salient channels.

    Each image picks its own. Training adds `lasso(x)` to the loss in the paper, which makes
    saliencies sparse, and lets the share that is left out grow up to `1 - kept`: set `.inactive`,
    the channels a head leaves out, for that.
    """

    site = "mix"

    def __init__(
        self,
        planes: int,
        stride: int = 1,
        kernel: int = 3,
        heads: int = 4,
        reduction: int = 16,
        kept: float = 0.25,
    ) -> None:
        super().__init__()
        if planes % heads:
            raise ValueError(f"planes = {planes} is not divisible by {heads} heads")
        if kernel % 2 == 0:
            raise ValueError(f"kernel = {kernel} is even; DGC needs an odd kernel")
        self.channels = planes
        self.stride, self.kernel = stride, kernel
        self.inactive = round(planes * (1 - kept))
        self.norm = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        # as released, narrow layers are squeezed half as much
        squeeze = reduction if planes >= 80 else reduction // 2
        self.heads = nn.ModuleList(
            DynamicHead(planes, planes // heads, kernel, max(1, planes // max(1, squeeze)))
            for _ in range(heads)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(x))
        average: Tensor = self.pool(x).flatten(1)
        heads = [head for head in self.heads if isinstance(head, DynamicHead)]
        seen = [x * head.kept(average, self.inactive)[:, :, None, None] for head in heads]
        weight = torch.cat([head.conv.weight for head in heads])
        groups = len(heads)
        pad = self.kernel // 2
        y = F.conv2d(torch.cat(seen, dim=1), weight, None, self.stride, pad, groups=groups)
        shuffled: Tensor = y.unflatten(1, (groups, -1)).transpose(1, 2).flatten(1, 2)
        return shuffled

    def lasso(self, x: Tensor) -> Tensor:
        """Return the sum of the heads' mean saliencies for a map."""
        average: Tensor = self.pool(self.relu(self.norm(x))).flatten(1)
        heads = [head for head in self.heads if isinstance(head, DynamicHead)]
        return torch.stack([head.saliency(average).mean() for head in heads]).sum()


class DynamicHead(nn.Module):
    """The kernels of one head, and how salient each channel is to it."""

    def __init__(self, planes: int, out: int, kernel: int, hidden: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(planes, out, kernel, bias=False)
        self.reduce = nn.Linear(planes, hidden, bias=False)
        self.expand = nn.Linear(hidden, planes)
        self.relu = nn.ReLU()
        nn.init.kaiming_normal_(self.reduce.weight)
        nn.init.kaiming_normal_(self.expand.weight)
        self.initialise()

    def initialise(self) -> None:
        """Start with every channel salient."""
        nn.init.ones_(self.expand.bias)

    def saliency(self, average: Tensor) -> Tensor:
        """Return a number from zero for each channel of each image, (n, c)."""
        y: Tensor = self.relu(self.expand(self.relu(self.reduce(average))))
        return y

    def kept(self, average: Tensor, inactive: int) -> Tensor:
        """Return the saliencies with the `inactive` least ones set to zero."""
        saliency = self.saliency(average)
        if not inactive:
            return saliency
        least = saliency.detach().topk(inactive, dim=1, largest=False, sorted=False).values
        return saliency * (saliency > least.amax(1, keepdim=True))
