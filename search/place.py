"""Where a run lies: what a user names, a space file or a run folder, and what belongs to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.experiment import Experiment, load
from search.run_folder import RunFolder, create, is_run_folder
from search.space_file import find, read_space_file
from search.study import Study
from spaces import Architecture, SpaceError

RUNS = Path("runs")


@dataclass(frozen=True)
class Place:
    """An experiment and the folder of its run, which may not be there yet.

    `storage` is another database than the folder's own; `study` a name other than the usual.
    """

    experiment: Experiment
    folder: RunFolder
    changes: Mapping[str, Any]
    limits: tuple[str, ...] = ()
    storage: str = ""
    study: str = ""

    @property
    def is_there(self) -> bool:
        """Tell whether the run has been begun."""
        return is_run_folder(self.folder.path)

    def make(self) -> None:
        """Make the folder, unless it is there."""
        create(self.folder.path, self.experiment, self.changes, self.limits)

    @contextmanager
    def driven(self, sampler: str = "auto", seed: int = 0, fork: bool = False) -> Iterator[Study]:
        """Open the study to drive it, alone in its folder, and keep with what it is driven."""
        self.make()
        storage = self.storage or self.folder.storage
        with self.folder.driven():
            study = Study.open(self.experiment, storage, sampler, seed, fork, self.study)
            try:
                self.folder.keep(self.experiment, self.changes, self.limits)
                yield study
            finally:
                study.close()

    def read(self) -> Study:
        """Open the study to look at it; nothing has to be as it was when it was begun."""
        if not self.is_there:
            raise SpaceError(
                f"nothing has been run in {self.folder.path}; `search run {self.named}` begins"
            )
        return Study.read(self.experiment, self.storage or self.folder.storage, self.study)

    @contextmanager
    def reading(self) -> Iterator[Study]:
        """Open the study to look at it, and close it."""
        study = self.read()
        try:
            yield study
        finally:
            study.close()

    @property
    def named(self) -> str:
        """What a user types to name this place again."""
        held, recipe = self.experiment, self.experiment.recipe
        if self.folder.path == usual(held.name, recipe):
            given = find_name(held.path)
            return f"{given} --recipe {recipe}" if recipe else given
        return str(self.folder.path)


def placed(
    given: str,
    recipe: str | None = None,
    out: Path | None = None,
    *,
    changes: Mapping[str, Any] | None = None,
    limits: Iterable[str] = (),
    root: Path | None = None,
    storage: str = "",
    study: str = "",
) -> Place:
    """Find the experiment and the folder of what a user names; the first recipe is the usual one.

    A run folder knows with what it was begun; anything said beside it comes on top.
    """
    changes, limits = dict(changes or {}), tuple(limits)
    if is_run_folder(Path(given)):
        folder = RunFolder(Path(given))
        about = folder.about
        if recipe not in (None, about["recipe"]):
            raise SpaceError(f"{given} is a run of recipe {about['recipe']!r}, not {recipe!r}")
        if out not in (None, folder.path):
            raise SpaceError(f"{given} is a run folder itself; --out is for a space file")
        about["changes"] = changes = {**about["changes"], **changes}
        about["limits"] = limits = tuple(dict.fromkeys([*about["limits"], *limits]))
        experiment = load(str(folder.space), root=root, **about)
        return Place(experiment, folder, changes, limits, storage, study)
    name = recipe or first_recipe(given)
    experiment = load(given, name, limits=limits, root=root, changes=changes)
    folder = RunFolder(out or usual(experiment.name, name))
    if is_run_folder(folder.path) and not changes:
        # what a run was begun with is not asked for again
        begun = folder.about
        if begun["changes"] or (begun["limits"] and not limits):
            changes, limits = begun["changes"], limits or begun["limits"]
            experiment = load(given, name, limits=limits, root=root, changes=changes)
    return Place(experiment, folder, changes, limits, storage, study)


def usual(name: str, recipe: str | None) -> Path:
    """Return where a run lies unless it is told otherwise."""
    return RUNS / name / (recipe or "as-written")


def first_recipe(given: str) -> str:
    """Return the name of the first recipe of a space file."""
    names = recipes_of(given)
    if not names:
        raise SpaceError(
            f"{given}: there is no recipe to train with; write recipes = {{'preview': preview()}} "
            "with preview from trials"
        )
    return names[0]


def recipes_of(given: str | Path) -> list[str]:
    """Return the names of a space file's recipes, in their order."""
    recipes = read_space_file(str(given))[1]["recipes"]
    return list(map(str, recipes)) if isinstance(recipes, Mapping) else []


def find_name(path: Path) -> str:
    """Return a ready-made space's name, or the path of any other."""
    try:
        return path.stem if find(path.stem) == path else str(path)
    except SpaceError:
        return str(path)


def picked(text: str, place: Place) -> Architecture:
    """Read an architecture such as `mix.scales=3 mix.omega=30`."""
    space = place.experiment.space
    choices = {}
    for word in text.split():
        name, _, label = word.partition("=")
        labels = space.labels.get(name)
        if labels is None:
            raise SpaceError(f"there is no choice {name!r}; there are {', '.join(space.labels)}")
        found = [one for one in labels if str(one) == label]
        if not found:
            offered = ", ".join(map(str, labels))
            raise SpaceError(f"{name} = {label!r} is not offered; there are {offered}")
        choices[name] = found[0]
    return space.at(choices)
