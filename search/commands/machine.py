"""The options that say where trainings run, and the workers that they come to."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.commands.values import count, positive, whole

if TYPE_CHECKING:
    from search.loop import Executor
    from search.place import Place

Find = Callable[[argparse.Namespace], "Place"]
Drive = Callable[[argparse.Namespace, "Executor | None", int], int]
"""What a verb does with so many workers; without an executor it says what it would do."""


def about_the_machine(one: Any) -> None:
    """Describe the options."""
    one.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1")
    one.add_argument(
        "--workers",
        type=whole,
        metavar="N",
        help="trainings at a time: one a GPU or a core if left out; 0 trains in this process",
    )
    one.add_argument("--cpus-per-trial", type=count, default=1, metavar="N", help="threads of each")
    one.add_argument(
        "--ray", action="store_true", help="on Ray; usual where there are several GPUs"
    )
    one.add_argument("--address", default="", help="of a Ray cluster: auto, HOST:PORT")
    one.add_argument(
        "--gpus-per-trial", type=positive, metavar="N", help="a part, as 0.25, or several; on Ray"
    )
    one.add_argument("--time-limit", type=positive, metavar="HOURS", help="of one training")
    one.add_argument("--data-root", type=Path, metavar="FOLDER", help="where the images lie")
    one.add_argument("--download", action="store_true", help="fetch images that are not there")


def staffed(parsed: argparse.Namespace, find: Find, drive: Drive) -> int:
    """Have a verb drive the workers that the options ask for; in a dry run there are none."""
    from search.machine import cores, gpus
    from search.workers import Workers

    graphics = gpus(parsed.device)
    workers = (len(graphics) or cores()) if parsed.workers is None else parsed.workers
    if parsed.dry_run:
        return drive(parsed, None, workers)
    is_asked = parsed.ray or parsed.address or parsed.gpus_per_trial
    if is_asked or (len(graphics) > 1 and parsed.workers is None):
        return on_ray(parsed, find, drive)
    # they start before this process imports torch, at the same time
    with Workers(workers, graphics) as executor:
        return drive(parsed, executor, workers)


def on_ray(parsed: argparse.Namespace, find: Find, drive: Drive) -> int:
    """Have a verb drive the workers of a cluster, which may be this machine alone."""
    from search.share import Share

    gpus = 0.0 if parsed.device == "cpu" else parsed.gpus_per_trial
    share = Share(parsed.cpus_per_trial, gpus)
    place = find(parsed)
    place.make()
    from search.cluster import Cluster

    space, folder = place.experiment.path, place.folder.path
    with closing(Cluster(space, folder, parsed.workers, share, parsed.address)) as cluster:
        return drive(parsed, cluster, cluster.count)


def worker_device(device: str, workers: int) -> str:
    """Return what a worker calls its device: one that has a GPU of its own sees no other."""
    return "cuda" if device.startswith("cuda:") and workers else device
