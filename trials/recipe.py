"""How a trial is trained: one frozen value that a run can be repeated from."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from trials.epoch import Epoch


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
OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("cosine", "steps")
AUGMENTATIONS = ("crop", "resized-crop", "flip", "rand", "cutout", "mixup", "cutmix")
PRECISIONS = ("auto", "fp32", "bf16", "fp16", "fp64")


@dataclass(frozen=True)
class Recipe:
    """Data, schedule, augmentation and seeds of one training.

    `data` is a known set, `folder:PATH`, or a function from the data folder to the data.
    `milestones` are the epochs after which `schedule="steps"` multiplies the rate by `gamma`;
    `warmup` epochs rise linearly to `lr` before either schedule. `decay_norms=False` keeps weight
    decay off norms, biases and other vectors. `ema` is the decay of averaged weights, which are
    then the ones that are scored and kept. `precision="auto"` is bf16 where the device has
    instructions for it, fp16 on older GPUs, else fp32. `accumulate` splits a batch into that many
    parts, one after another, so norms see smaller batches. `sync_norms` shares the statistics of
    BatchNorm between the processes of one trial. `compile` compiles block by block, some 30 s for
    each new kind of block. `overrides` are keywords of the backbone that this recipe sets, for a
    preview on a smaller network. `select_on_test` scores on the test set, as most papers do;
    whatever prints such a number repeats it. `confirm` is for what has been selected already: it
    trains on the validation images too and scores on the test set. `train` replaces the loop: it is
    called as `trials.train.train` is, and yields an `Epoch` at a time.
    """

    data: str | Callable[..., object] = "clutter"
    epochs: int = 30
    batch: int = 128
    optimizer: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    nesterov: bool = True
    schedule: str = "cosine"
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    warmup: int = 0
    weight_decay: float = 5e-4
    decay_norms: bool = True
    label_smoothing: float = 0.0
    augment: tuple[str, ...] = ("crop", "flip")
    ema: float = 0.0
    precision: str = "auto"
    accumulate: int = 1
    sync_norms: bool = False
    compile: bool = False
    per_class: bool = False
    seeds: tuple[int, ...] = (0,)
    images: int | None = None
    validation: float = 0.1
    select_on_test: bool = False
    confirm: bool = False
    overrides: Mapping[str, object] = field(default_factory=dict)
    train: Callable[..., Iterator[Epoch]] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.data, str):
            _one_of("data", self.data.partition(":")[0], [*KNOWN, "folder"], self.data)
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("precision", self.precision, PRECISIONS)
        for name in ("epochs", "batch", "accumulate"):
            _whole(name, getattr(self, name), 1)
        _whole("warmup", self.warmup, 0)
        if self.images is not None:
            _whole("images", self.images, 1)
        for name in ("label_smoothing", "ema", "momentum", "validation"):
            _between(name, getattr(self, name))
        if not self.lr > 0:
            raise ValueError(f"lr = {self.lr!r} is not above 0")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay = {self.weight_decay!r} is below 0")
        self._check_schedule()
        self._check_choices()

    def _check_schedule(self) -> None:
        stones = self.milestones
        if self.warmup >= self.epochs and self.warmup:
            raise ValueError(f"warmup = {self.warmup} leaves nothing of epochs = {self.epochs}")
        if self.schedule == "steps" and not stones:
            raise ValueError("schedule = 'steps' needs milestones, such as milestones=(30, 60, 90)")
        if self.schedule != "steps" and stones:
            raise ValueError(f"milestones = {stones} are for schedule='steps', not 'cosine'")
        if list(stones) != sorted(set(stones)):
            raise ValueError(f"milestones = {stones} do not rise")
        if stones and not 0 < stones[0] <= stones[-1] < self.epochs:
            raise ValueError(f"milestones = {stones} do not all lie within {self.epochs} epochs")

    def _check_choices(self) -> None:
        if isinstance(self.augment, str):
            raise ValueError(f"augment = {self.augment!r} is one word; write ({self.augment!r},)")
        for word in self.augment:
            _one_of("augment", word, AUGMENTATIONS)
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"seeds = {self.seeds} must be different numbers, one at least")
        if self.accumulate > self.batch:
            raise ValueError(f"accumulate = {self.accumulate} splits batch = {self.batch} too far")
        if self.confirm and self.select_on_test:
            raise ValueError(
                "select_on_test has left no images to confirm on; confirm what was selected "
                "on validation images"
            )
        if self.optimizer == "sgd" and self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum; momentum = 0 goes with nesterov=False")
        if self.train is not None and not callable(self.train):
            raise ValueError(f"train = {self.train!r} is not a function that yields epochs")


def preview(
    planes: int = 16,
    depths: tuple[int, ...] = (1, 1, 1),
    stem: str = "strided",
    lr: float = 0.15,
) -> Recipe:
    """Return minutes on a CPU: the embedded images, and a small relative of the network.

    Digits have a right way round, so nothing is flipped; they lie anywhere, so nothing is cropped.
    1,500 images judge a network: which ones they are moves a score around 0.6 by 1.3 points, with
    half as many by 1.8.
    """
    return Recipe(
        data="clutter",
        epochs=5,
        images=1920,
        validation=0.2,
        batch=32,
        lr=lr,
        warmup=1,
        weight_decay=1e-3,
        augment=(),
        overrides={"stem": stem, "depths": depths, "planes": planes},
    )


def _one_of(name: str, word: str, words: Iterable[str], given: str | None = None) -> None:
    words = list(words)
    if word not in words:
        near = get_close_matches(word, words, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"it is one of {', '.join(words)}"
        raise ValueError(f"{name} = {given or word!r} is not known; {hint}")


def _whole(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} = {value!r} is not a whole number from {least} up")


def _between(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{name} = {value!r} does not lie in [0, 1)")
