"""Drive an ablation: where it begins, what it will cost, and the training of what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from search.ablated import Ablated
from search.ablation import Planned
from search.driver import Options, Outcome, Run
from search.forecast import Forecast, words
from search.loop import Executor
from search.place import Place, picked
from search.proposal import Proposal
from search.rows import Row
from search.run_folder import create
from search.study import Study
from spaces import SpaceError
from spaces.labels import Label


def centre(place: Place, around: str) -> Mapping[str, Label]:
    """Return the choices to go around: the best, a trial by its number, or labels as written."""
    if "=" in around:
        return picked(around, place).choices
    if around != "best" and not around.isdigit():
        raise SpaceError(
            f"--around {around!r} is neither best nor the number of a trial, "
            f"nor labels such as '{next(iter(place.experiment.space.labels), 'gate')}=…'"
        )
    with place.reading() as study:
        if around == "best":
            if best := study.best():
                return best.choices
            raise SpaceError(f"{place.folder.path} has no best architecture yet; give its labels")
        rows = {str(row.number): row for row in study.rows()}
    if around not in rows:
        raise SpaceError(f"{place.folder.path} has no trial {around}")
    if rows[around].name:
        raise SpaceError(f"trial {around} is the baseline {rows[around].name!r}, not of the space")
    return rows[around].choices


def trained(place: Place) -> list[Row]:
    """Return the trainings of a study; none where it has not begun."""
    if not place.is_there:
        return []
    try:
        with place.reading() as study:
            return study.rows()
    except SpaceError:
        # a study beside the run's own; whatever else is wrong with the database is said by `beside`
        return []


def priced(held: Ablated, expected: Forecast | None, workers: int) -> Iterator[str]:
    """Yield the plan with its costs, what of it is trained already, and how long the rest takes."""
    missing = {row.identity for row, _ in held.missing()}
    width = max(len(row.title) for row in held.plan)
    for row in held.plan:
        cost = f"{row.cost.params:>13,} params {row.cost.macs:>15,} macs" if row.cost else ""
        state = "" if row.identity in missing else "trained already"
        end = f"refused: {row.refusal}" if row.refusal else state
        yield f"  {row.title:<{width}} {cost:>43}  {end}".rstrip()
    count = len(held.missing())
    took = f", about {words(expected.mean * count / workers)}" if expected and count else ""
    seeds = f"{len(held.seeds)} seed{'s' * (len(held.seeds) > 1)}"
    yield f"{len(held.plan)} rows, {seeds}: {count} trainings are missing{took}"


def train(
    place: Place, held: Ablated, options: Options, executor: Executor, workers: int
) -> Outcome:
    """Train the rows that are missing, in the study of the place."""
    elsewhere = {row.name: row.of for row in held.plan if row.of}
    spaces = {name: one.space for name, one in elsewhere.items()}
    baselines = {**place.experiment.baselines, **spaces}
    wider = replace(place, experiment=replace(place.experiment, baselines=baselines))
    missing = held.missing()
    rows = list({row.identity: row for row, _ in missing}.values())
    ways = replace(options, ask=partial(asked, rows), asked=len(missing), elsewhere=elsewhere)
    run = Run(wider, ways, executor, workers)
    with beside(wider) as study:
        return run(study)


@contextmanager
def beside(place: Place) -> Iterator[Study]:
    """Drive a study in a run folder, and leave what the folder says of its run as it is."""
    create(place.folder.path, place.experiment, place.changes, place.limits)
    with place.folder.driven():
        storage = place.storage or place.folder.storage
        study = Study.open(place.experiment, storage, name=place.study)
        try:
            yield study
        finally:
            study.close()


def asked(rows: Sequence[Planned], study: Study) -> Proposal | None:
    """Return the next training of the rows."""
    for row in rows:
        # a row that a baseline is too goes by the baseline's own labels, of which there are none
        held = study.experiment.baselines.get(row.name)
        architecture = next(iter(held)) if held else row.architecture
        if proposal := study.pick(architecture, row.name):
            return proposal
    return None
