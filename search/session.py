"""A search from Python: `search.run`, in a script or a notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from search.driver import Options, Run
from search.experiment import Asked, put_together
from search.machine import cores, gpus
from search.place import Place, picked, placed, usual
from search.run_folder import RunFolder
from search.space_file import NAMES
from search.study import Study
from search.worker import Bench
from search.workers import Workers
from spaces import Space, SpaceError
from trials.recipe import Recipe

OWN = "mine"
"""What a space is called that has been handed over as a value."""


def run(
    space: Space | str | Path,
    recipe: Recipe | str | None = None,
    trials: int | None = None,
    *,
    baselines: Mapping[str, Space] | None = None,
    objectives: Sequence[str] = ("accuracy", "macs"),
    name: str = OWN,
    seeds: int | None = None,
    hours: float = inf,
    sampler: str = "auto",
    limits: Sequence[str] = (),
    picks: Sequence[str] = (),
    changes: Mapping[str, Any] | None = None,
    device: str = "auto",
    workers: int | None = None,
    out: str | Path | None = None,
    storage: str = "",
    root: str | Path | None = None,
    download: bool = False,
    fork: bool = False,
    quiet: bool = False,
) -> Study:
    """Search a space, or go on where it was left, and return its study to look at.

    `space` is the name or path of a space file, a run folder, or a `Space`; the latter takes
    `baselines`, `objectives`, a `Recipe` and a `name` beside it and is trained in this process, for
    its classes may be in no file. Ctrl-C, a notebook's stop button, ends it with the epoch under
    way; the same call goes on.
    """
    changes = {**(changes or {}), **({"seeds": tuple(range(seeds))} if seeds else {})}
    folder, data = Path(out) if out else None, Path(root) if root else None
    if isinstance(space, Space):
        if workers:
            raise SpaceError(
                f"workers = {workers} read a space from its file, and this one is in none; write "
                "it into one, or leave workers out to train in this process"
            )
        held = {**NAMES, "space": space, "baselines": baselines or {}, "objectives": objectives}
        place = handed_over(held, recipe, name, limits, changes, folder, data, storage)
        executor = Workers(0, bench=Bench(place.experiment))
        count = 1
    else:
        if isinstance(recipe, Recipe) or baselines:
            raise SpaceError(f"{space} has recipes and baselines of its own; name a recipe of it")
        place = placed(
            str(space), recipe, folder, changes=changes, limits=limits, root=data, storage=storage
        )
        graphics = gpus(device)
        count = (len(graphics) or cores()) if workers is None else workers
        executor = Workers(count, graphics)
    options = Options(
        trials=trials,
        hours=hours,
        picks=[picked(text, place) for text in picks],
        device=device,
        worker_device="cuda" if device.startswith("cuda:") and count else device,
        root=data,
        download=download,
        quiet=quiet,
    )
    with executor, place.driven(sampler, 0, fork) as study:
        Run(place, options, executor, max(1, count))(study)
    return place.read()


def handed_over(
    held: Mapping[str, Any],
    recipe: Recipe | str | None,
    name: str,
    limits: Sequence[str],
    changes: Mapping[str, Any],
    folder: Path | None,
    root: Path | None,
    storage: str,
) -> Place:
    """Return the place of a space that is in no file."""
    if not isinstance(recipe, Recipe):
        raise SpaceError(
            f"recipe = {recipe!r} is not a Recipe, which a space handed over as a value needs: "
            "preview() or Recipe(data=..., epochs=...) of trials"
        )
    if not name.isidentifier():
        raise SpaceError(f"name = {name!r} is not a name such as my_gates")
    title = "own"
    held = {**held, "recipes": {title: replace(recipe, **changes)}}
    asked = Asked(title, None, None, tuple(limits), root)
    experiment = put_together(Path(name), held, asked)
    return Place(experiment, RunFolder(folder or usual(name, title)), {}, tuple(limits), storage)
