"""What is asked of a worker and what it says: plain data, so that it crosses any border."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

# a driver starts its workers before it imports torch itself
if TYPE_CHECKING:
    from spaces.labels import Label
    from trials.epoch import Epoch
    from trials.trial import Result


@dataclass(frozen=True)
class Job:
    """One training: the labels of an architecture, or a baseline's name, and a seed.

    A worker reads the space file again and builds from the labels; nothing else is sent. `shape`
    and `classes` are the experiment's, `changes` the recipe fields set on the command line.
    `processes` share each batch, on a GPU each; on the `shelf`, a folder, the workers of a machine
    find the images that one of them has loaded.
    """

    number: int
    space: str
    recipe: str
    choices: Mapping[str, Label]
    baseline: str
    seed: int
    folder: str
    shape: tuple[int, int, int] | None = None
    classes: int | None = None
    device: str = "auto"
    threads: int = 1
    seconds: float = float("inf")
    root: str | None = None
    download: bool = False
    changes: Mapping[str, object] = field(default_factory=dict)
    processes: int = 1
    shelf: str | None = None


@dataclass(frozen=True)
class Timing:
    """Asks how many seconds the network of each job needs for an image; nothing is trained."""

    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class Started:
    """A worker has taken a job."""

    number: int


@dataclass(frozen=True)
class Reported:
    """A job has finished an epoch and waits to hear whether it goes on; after the last it ends."""

    number: int
    epoch: Epoch
    is_last: bool = False


@dataclass(frozen=True)
class Finished:
    """A job has come to its end, whatever that is."""

    number: int
    result: Result


@dataclass(frozen=True)
class Died:
    """A worker has gone with its job, which is tried again from its last state."""

    number: int
    reason: str


Event = Started | Reported | Finished | Died
Answer = Literal["go on", "stopped", "interrupted"]
"""What a worker hears after an epoch but the last: to go on, or the status its job ends with."""
