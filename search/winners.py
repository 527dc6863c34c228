"""What of a run is exported: which trainings, with their weights and all that is said of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from torch import Tensor

from search.code import code_hash
from search.experiment import Experiment, limit
from search.exports import Exported, write
from search.facts import Winner, about
from search.objectives import objective
from search.place import Place, placed
from search.record import confirmation_of
from search.rows import Mean, Row, ranked
from search.run_folder import is_run_folder
from search.standalone import Original
from search.study import Study
from search.trained import state_of
from search.worker import recipe_of
from spaces import Architecture, SpaceError
from trials.checkpoint import WEIGHTS

FOLDER = "export"
"""Where exports lie in a run folder."""
NOTHING: Mapping[str, Mean] = MappingProxyType({})
UNFINISHED = ("stopped", "interrupted", "running")


@dataclass(frozen=True)
class Wish:
    """What to export: a training by its number, the front, else the best within the limits `at`.

    `weights=False` is for the networks alone, as where a training keeps no weights.
    """

    trial: int | None = None
    front: bool = False
    at: tuple[str, ...] = ()
    name: str = ""
    weights: bool = True


def export(
    run: str | Path,
    wish: Wish | None = None,
    out: Path | None = None,
    formats: Collection[str] = ("py",),
    force: bool = False,
) -> list[Exported]:
    """Export the best of a run, or what is wished for; `run` is a space, or a run folder."""
    return exported(begun(str(run)), wish or Wish(), out, formats, force)


def exported(
    place: Place, wish: Wish, out: Path | None, formats: Collection[str], force: bool
) -> list[Exported]:
    """Export what is wished for from a run that has been begun, into its folder unless told."""
    judged = confirmed(place)
    with place.reading() as study:
        originals = {
            name: original(place, study, winner, wish.weights)
            for name, winner in winners(study, wish, judged).items()
        }
    return write(originals, out or place.folder.path / FOLDER, formats, force)


def begun(given: str, recipe: str | None = None, storage: str = "", study: str = "") -> Place:
    """Return a run with the files that it was begun with, which the user may have changed since."""
    if not is_run_folder(Path(given)):
        place = placed(given, recipe)
        if not place.is_there:
            raise SpaceError(
                f"nothing has been run in {place.folder.path}; `search run {place.named}` begins"
            )
        given = str(place.folder.path)
    return placed(given, recipe, storage=storage, study=study)


def confirmed(place: Place) -> dict[str, Mean]:
    """Return what was trained again to confirm it, by the key of its architecture."""
    with place.reading() as study:
        name = confirmation_of(study.name)
    try:
        with replace(place, study=name).reading() as study:
            return {mean.key: mean for mean in study.means() if not mean.name}
    except SpaceError:  # there is no such study: nothing has been confirmed
        return {}


def winners(study: Study, wish: Wish, judged: Mapping[str, Mean] = NOTHING) -> dict[str, Winner]:
    """Return the trainings to export by the names of their exports; `judged` are confirmed."""
    rows = study.rows()
    if wish.trial is not None:
        row = numbered(rows, wish.trial, wish.weights)
        means = (mean for mean in study.means() if row.number in mean.numbers)
        winner = Winner(row, next(means, None), judged.get(row.key))
        return {wish.name or f"trial_{row.number}": winner}
    if wish.front:
        held = study.front()
        names = [f"{wish.name or 'front'}_{place}" for place in range(1, len(held) + 1)]
    else:
        best = best_of(study, wish.at, judged)
        held = [best] if best else []
        names = [wish.name or "best"]
    if not held:
        limits = ", ".join(map(str, [*study.experiment.limits, *wish.at]))
        raise SpaceError(
            f"{study.name} has nothing to export: no architecture has trained to its end"
            f"{' within ' if limits else ''}{limits}"
        )
    numbers = {row.number: row for row in rows}
    return {
        name: Winner(numbers[study.best_seed(mean)], mean, judged.get(mean.key))
        for name, mean in zip(names, held, strict=True)
    }


def numbered(rows: Sequence[Row], number: int, needs_weights: bool) -> Row:
    """Return the training of a number, if there is something to export of it."""
    row = next((row for row in rows if row.number == number), None)
    if row is None:
        there = ", ".join(str(row.number) for row in rows[:5])
        more = f" … {rows[-1].number}" if len(rows) > 5 else ""
        raise SpaceError(f"there is no training {number}; there is {there}{more}")
    if row.status == "complete":
        return row
    told = f"training {number} ended as {row.status}{': ' if row.reason else ''}{row.reason}"
    if row.status not in UNFINISHED:
        raise SpaceError(f"{told}; there is nothing to export of it")
    if needs_weights:
        raise SpaceError(f"{told}; --code-only writes its network without weights")
    return row


def best_of(study: Study, at: Iterable[str], judged: Mapping[str, Mean]) -> Mean | None:
    """Return the best architecture, among those that were confirmed if any were."""
    goals = [objective(text) for text in study.experiment.objectives]
    fitting = {mean.key: mean for mean in within(study, at)}
    again = [judged[key] for key in fitting if key in judged]
    best = next(iter(ranked(again or fitting.values(), goals)), None)
    return fitting[best.key] if best else None


def within(study: Study, at: Iterable[str]) -> list[Mean]:
    """Return the architectures within limits of the user's own beside the study's."""
    limits = [*study.experiment.limits, *map(limit, at)]
    means = [mean for mean in study.means() if not mean.name]
    for one in limits:
        if unknown := [mean for mean in means if one.metric not in (*mean.figures, mean.metric)]:
            known = ", ".join([*unknown[0].figures, unknown[0].metric])
            raise SpaceError(f"this run has no {one.metric}, only {known}")
    return [mean for mean in means if mean.keeps(limits)]


def original(place: Place, study: Study, winner: Winner, with_weights: bool) -> Original:
    """Rebuild a trained network, if its code is still what it was, with what is known of it."""
    experiment, row = place.experiment, winner.row
    architecture = rebuilt(experiment, row)
    code = code_hash(architecture.network, architecture.recipe)[1]
    if changed := sorted(
        file for file in code.keys() | row.code.keys() if code.get(file) != row.code.get(file)
    ):
        raise SpaceError(
            f"training {row.number} was made with another {', '.join(changed)}; "
            "go back to that, or train it again"
        )
    state = weights_of(place, row) if with_weights else None
    facts = about(study, winner, recipe_of(experiment, architecture), with_weights)
    return Original(architecture.network, experiment.shape, experiment.classes, state, facts)


def rebuilt(experiment: Experiment, row: Row) -> Architecture:
    """Return what a training was about."""
    if not row.name:
        return experiment.space.at(row.choices)
    if row.name not in experiment.baselines:
        raise SpaceError(f"there is no baseline {row.name!r} any more")
    return next(iter(experiment.baselines[row.name]))


def weights_of(place: Place, row: Row) -> dict[str, Tensor]:
    """Read the weights of a training from its folder; most keep none."""
    path = place.folder.path / "trials" / row.folder / WEIGHTS
    if not path.exists():
        raise SpaceError(
            f"training {row.number} keeps no weights, as all that are neither on the front nor a "
            "baseline's; --code-only writes its network without them"
        )
    return state_of(path)
