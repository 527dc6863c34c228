"""What a run leaves behind by itself: its report, and its best network as a file, proved."""

from __future__ import annotations

from collections.abc import Iterator

from search.exports import ProofError
from search.findings import read
from search.methods import noted
from search.place import Place
from search.report import Options, dashboard, write
from search.winners import Wish, exported
from spaces import SpaceError

REPORT = "report"


def left_behind(place: Place) -> Iterator[str]:
    """Write the report, then the best; yield where they lie, or why there is none."""
    findings = read(place.experiment, place.storage or place.folder.storage, place.study)
    try:
        files = write(findings, place.folder.path / REPORT, Options(), noted(place.folder.path))
        yield f"report: {files[0]}"
    except OSError as error:
        yield f"no report: {error.filename}: {error.strerror}"
    with place.reading() as study:
        study.draw(dashboard(study))
    try:
        done = exported(place, Wish(), None, ("py",), force=True)
        yield f"the best, proved equal with nothing but torch: {done[0].files[0]}"
    except (SpaceError, ProofError, OSError) as error:
        yield f"the best is not exported: {error}"
