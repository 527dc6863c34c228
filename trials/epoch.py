"""What one pass over the training images came to."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Epoch:
    """Loss and score after epoch `number`, counted from 1.

    `score` is a share of 1 for accuracy; a loop of one's own names its `metric` and `direction`.
    `top5` and `classes`, the accuracy of each class, are there where the loop takes them.
    `remarks` say what happened besides: an unreadable checkpoint, a graph that could not be used.
    """

    number: int
    loss: float
    score: float
    metric: str = "accuracy"
    direction: Literal["maximize", "minimize"] = "maximize"
    top5: float | None = None
    classes: tuple[float, ...] | None = None
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float | None:
        """The score, where it is an accuracy."""
        return self.score if self.metric == "accuracy" else None
