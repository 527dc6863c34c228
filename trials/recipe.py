"""How a trial is trained: one frozen value that a run can be repeated from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple


class Images(NamedTuple):
    """What a network must know of a data set before it is loaded."""

    classes: int
    size: int
    stem: str


KNOWN = {
    "clutter": Images(10, 32, "cifar"),
    "digits": Images(10, 8, "cifar"),
    "cifar10": Images(10, 32, "cifar"),
    "cifar100": Images(100, 32, "cifar"),
    "imagenet": Images(1000, 224, "imagenet"),
}


@dataclass(frozen=True)
class Recipe:
    """Data, schedule, augmentation and seeds of one training.

    `overrides` are keywords of the backbone that this recipe sets, for a preview on a smaller
    network. `select_on_test` scores on the test set, as most papers do; whatever prints such a
    number repeats it.
    """

    data: str = "clutter"
    epochs: int = 30
    batch: int = 128
    optimizer: str = "sgd"
    lr: float = 0.1
    schedule: str = "cosine"
    milestones: tuple[int, ...] = ()
    warmup: int = 0
    weight_decay: float = 5e-4
    decay_norms: bool = True
    label_smoothing: float = 0.0
    augment: tuple[str, ...] = ("crop", "flip")
    ema: float = 0.0
    precision: str = "auto"
    seeds: tuple[int, ...] = (0,)
    images: int | None = None
    validation: float = 0.1
    select_on_test: bool = False
    overrides: Mapping[str, object] = field(default_factory=dict)
    train: Callable[..., object] | None = None

    def __post_init__(self) -> None:
        name = self.data.partition(":")[0]
        if name not in KNOWN and name != "folder":
            near = get_close_matches(name, [*KNOWN, "folder"], 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"data = {self.data!r} is not known{hint}")
