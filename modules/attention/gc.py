"""Global Context (GC), Cao et al. 2019, https://arxiv.org/abs/1904.11492."""

from torch import Tensor, nn


class ContextPool(nn.Module):
    """Average the pixels (n, c, 1, 1), each weighed by a softmax over one learned map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mask = nn.Conv2d(channels, 1, 1)
        self.softmax = nn.Softmax(dim=2)

    def forward(self, x: Tensor) -> Tensor:
        mask: Tensor = self.mask(x)
        weights: Tensor = self.softmax(mask.flatten(2))
        return (x.flatten(2) @ weights.transpose(1, 2)).unsqueeze(3)


class Transform(nn.Sequential):
    """A bottleneck with a layer norm inside, from the context to one term per channel."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__(
            nn.Conv2d(channels, hidden, 1),
            nn.LayerNorm([hidden, 1, 1]),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1),
        )


class GC(nn.Module):
    """Add to every pixel the same transformed context of the whole map.

    `attention` weighs the pixels of the context, else they are averaged; `add` and `multiply` say
    how the context comes back, multiplied first where both are on.
    """

    site = "gate"

    def __init__(
        self,
        channels: int,
        reduction: int = 16,
        attention: bool = True,
        add: bool = True,
        multiply: bool = False,
    ) -> None:
        super().__init__()
        if not add and not multiply:
            raise ValueError("add and multiply are both off; GC then changes nothing")
        hidden = max(1, channels // reduction)
        self.pool = ContextPool(channels) if attention else nn.AdaptiveAvgPool2d(1)
        self.add = Transform(channels, hidden) if add else None
        self.multiply = Transform(channels, hidden) if multiply else None
        self.initialise()

    def initialise(self) -> None:
        """Start without a context, as the authors' code does and the MSPANet repository does not.

        What is added starts at zero, what is multiplied at one half.
        """
        for transform in (self.add, self.multiply):
            if transform is not None:
                for parameter in transform[-1].parameters():
                    nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        context: Tensor = self.pool(x)
        if self.multiply is not None:
            logits: Tensor = self.multiply(context)
            x = x * logits.sigmoid()
        if self.add is not None:
            x = x + self.add(context)
        return x
