"""What a training gets of a cluster, and how many of that kind a cluster holds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from search.job import Job
from spaces import SpaceError

LOOK = 10.0
"""Seconds between two looks at what machines there are."""
ALONE = 120.0
"""Seconds after which a cluster without room for any training is given up."""
SLOW = 120.0
"""Seconds in which a machine has started a process and looked around."""
Node = Mapping[str, float]
"""What a machine offers, as {"CPU": 8, "GPU": 2}."""


@dataclass(frozen=True)
class Share:
    """The CPUs and GPUs of one training; a GPU can be divided, and one training can have several.

    A part of a GPU is of its time: nothing keeps a training from taking all of its memory. Where
    nothing is said of GPUs a training has one, if there are any.
    """

    cpus: int = 1
    gpus: float | None = None

    def __post_init__(self) -> None:
        if self.cpus < 1:
            raise SpaceError(f"{self.cpus} CPUs per trial train nothing; a trial takes 1 or more")
        gpus = self.gpus or 0.0
        if gpus < 0 or (gpus > 1 and gpus != int(gpus)):
            raise SpaceError(
                f"{gpus:g} GPUs per trial cannot be had; a trial takes a part of one, "
                "as 0.25, or whole ones"
            )

    def __str__(self) -> str:
        gpus = f" and {self.gpus:g} GPU{'s' * (self.gpus > 1)}" if self.gpus else ""
        return f"{self.cpus} CPU{'s' * (self.cpus > 1)}{gpus}"

    def for_machines(self, nodes: Sequence[Node]) -> Share:
        """Decide on GPUs where nothing was said of them."""
        usual = float(any(node.get("GPU", 0) >= 1 for node in nodes))
        return replace(self, gpus=usual) if self.gpus is None else self

    def of(self, job: Job) -> Job:
        """Tell a job what it has, by paths that hold in other folders too.

        Without a GPU of its own it leaves those alone that it sees.
        """
        return replace(
            job,
            threads=self.cpus,
            processes=max(1, int(self.gpus or 0)),
            device="cpu" if not self.gpus and job.device == "auto" else job.device,
            folder=str(Path(job.folder).absolute()),
            root=job.root and str(Path(job.root).absolute()),
        )

    def within(self, node: Node) -> int:
        """Count the trainings that a machine holds at once."""
        held = [node.get("CPU", 0) // self.cpus]
        if self.gpus and self.gpus > 1:
            held.append(node.get("GPU", 0) // self.gpus)
        elif self.gpus:
            # no trial gets parts of two GPUs; three thirds, each a little more than that, are one
            held.append(node.get("GPU", 0) * math.floor(1 / self.gpus + 1e-3))
        return int(min(held))


class Room:
    """Looks from time to time whether a cluster that may lose machines has room for a training."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._seen = self._looked = time.monotonic()

    def look(self, nodes: Callable[[], Sequence[Node]]) -> None:
        """Give up where no machine is left: what waits for one would wait for ever."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        if any(self._share.within(node) for node in nodes()):
            self._seen = now
        elif now - self._seen > ALONE:
            raise SpaceError(
                f"no machine of the cluster has room for {self._share} any more; bring one back, "
                "then the same command goes on"
            )


def workers(nodes: Sequence[Node], share: Share, asked: int | None) -> int:
    """Return how many trainings run at once; more than the machines hold is refused."""
    most = sum(share.within(node) for node in nodes)
    if most == 0 or (asked is not None and asked > most):
        count = "one worker" if asked in (None, 1) else f"{asked} workers"
        fits = f"; that is room for {most}" if most else ""
        raise SpaceError(
            f"{count} of {share} each: there is no room for that; there is {offered(nodes)}{fits}"
        )
    return most if asked is None else asked


def offered(nodes: Sequence[Node]) -> str:
    """Say what machines offer: '2 machines, 8 CPUs + 1 GPU, 4 CPUs'."""
    parts = [
        f"{node.get('CPU', 0):g} CPUs" + (f" + {node['GPU']:g} GPUs" if node.get("GPU") else "")
        for node in nodes
    ]
    machines = "1 machine" if len(nodes) == 1 else f"{len(nodes)} machines"
    return f"{machines}: {', '.join(parts) or 'nothing'}"


def refuse_strange(name: str, torch: str, unseen: Path | None) -> None:
    """Refuse a machine with another torch, or one that does not see a folder of the run."""
    if torch != version("torch"):
        has = f"torch {torch}" if torch else "no torch"
        raise SpaceError(
            f"{name} has {has}, this machine {version('torch')}: they would not compute "
            "the same; install one version everywhere"
        )
    if unseen:
        raise SpaceError(
            f"{name} does not see {unseen}; put the run on storage that all machines share, "
            "with --out"
        )
