"""A study as figures, tables and one page: the only file that knows plotly."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from pathlib import Path
from typing import TYPE_CHECKING

from search.amounts import TITLES
from search.figures.choices import importance, main_effects
from search.figures.curves import curves
from search.figures.front import front
from search.figures.heat import heat
from search.figures.places import alike, places
from search.figures.progress import progress
from search.figures.style import Drawn, Picture
from search.findings import Findings, Told, of
from search.methods import methods
from search.page import Page, Section, page
from search.pictures import check_formats, save
from search.rows import Mean
from search.run_folder import replace
from search.tables import architectures, as_latex, as_markdown, table, trainings
from spaces import SpaceError
from spaces.labels import near

if TYPE_CHECKING:
    import plotly.graph_objects as go

FIGURES: Mapping[str, Callable[[Findings], Picture]] = {
    "front": front,
    "heat": heat,
    "effects": main_effects,
    "importance": importance,
    "curves": curves,
    "progress": progress,
    "places": places,
}
WORDY = 300
"""Beyond so many points the dashboard shows coordinates alone."""
SWITCHED = ("macs", "params", "latency")
SHOWN = {"macs": "FLOPs", "params": "parameters"}


@dataclass(frozen=True)
class Options:
    """What a report is to show first: a price, a pair of choices; and as which pictures."""

    price: str = ""
    choices: Sequence[str] = ()
    formats: Sequence[str] = ()


def figure(study: Told, name: str) -> go.Figure:
    """Return one figure of a study: front, heat, effects, importance, curves, progress, places."""
    return plotted(drawn(of(study), name))


def dashboard(study: Told) -> dict[str, go.Figure]:
    """Return the figures that Optuna's dashboard can show of a study, by a name to keep them."""
    findings = of(study)
    pictures = {name: draw(findings) for name, draw in FIGURES.items()}
    return {
        name: plotted(replaced(held, drawn=without_words(held.drawn)))
        for name, held in pictures.items()
        if held.drawn
    }


def without_words(drawn: Drawn) -> Drawn:
    """Leave away what the pointer shows of many points: a database keeps it in small pieces."""
    traces = [
        {**trace, "hovertext": None, "hoverinfo": "x+y"}
        if len(trace.get("hovertext") or ()) > WORDY
        else trace
        for trace in drawn["data"]
    ]
    return {**drawn, "data": traces}


def drawn(findings: Findings, name: str) -> Picture:
    """Return a picture by its name, or say why there is none."""
    if name not in FIGURES:
        raise SpaceError(
            f"no figure {name!r}; it is one of {', '.join(FIGURES)}{near(name, FIGURES)}"
        )
    held = FIGURES[name](findings)
    if held.drawn is None:
        raise SpaceError(f"{findings.title}: no figure {name!r}. {held.caption}")
    return held


def plotted(held: Picture) -> go.Figure:
    """Return a picture as plotly's own figure."""
    import plotly.graph_objects as go

    assert held.drawn is not None
    made = go.Figure(held.drawn)
    margin = {**held.drawn["layout"]["margin"]}
    margin["t"] += 34
    title = {"text": held.title, "font": {"size": 16}, "x": 0.01, "y": 0.99, "yanchor": "top"}
    made.update_layout(template="none", title=title, margin=margin)
    return made


def write(
    findings: Findings,
    folder: Path,
    options: Options,
    versions: Sequence[Mapping[str, str]] = (),
) -> list[Path]:
    """Write page, tables and pictures into a folder; return the files."""
    check(findings, options)
    sections = arranged(findings, options)
    held = table(findings, [*findings.baselines, *findings.front])
    paragraph = methods(findings, versions)
    whole = Page(findings, sections, held, paragraph, plotly_script())
    texts = {
        "report.html": page(whole),
        "table.md": as_markdown(held),
        "table.tex": as_latex(held, f"{findings.title}: baselines and front"),
        "architectures.csv": architectures(findings),
        "trials.csv": trainings(findings),
        "methods.md": f"{paragraph}\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        replace(folder / name, text.encode("utf-8", "replace"))
    return [*map(folder.joinpath, texts), *pictured(sections, folder, options.formats)]


def check(findings: Findings, options: Options) -> None:
    """Refuse what cannot be shown before anything is written."""
    check_formats(options.formats)
    if options.price and findings.means and options.price not in findings.prices:
        known = ", ".join(findings.prices)
        raise SpaceError(f"{findings.title} knows no {options.price} of its trials; it has {known}")


def arranged(findings: Findings, options: Options) -> list[list[Section]]:
    """Return the figures in the order of the page, row by row."""
    order = dict.fromkeys([options.price or next(iter(findings.prices), "macs"), *SWITCHED])
    fronts = {
        SHOWN.get(price, TITLES[price]): front(findings, price)
        for price in order
        if price in findings.prices
    }
    views: dict[str, Mapping[str, Picture]] = {
        name: {"": draw(findings)}
        for name, draw in FIGURES.items()
        if name not in ("front", "heat")
    }
    views["front"] = fronts or {"": front(findings)}
    views["heat"] = {"": heat(findings, options.choices)}
    section = {name: Section(name, held) for name, held in views.items()}
    return [
        [Section("front", views["front"], is_wide=True)],
        [section["heat"], section["importance"]],
        [section["effects"]],
        *([[section["places"]]] if alike(findings.experiment.space.labels) else []),
        [section["curves"], section["progress"]],
    ]


def pictured(rows: Iterable[Iterable[Section]], folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write each figure as pictures in a paper's column width."""
    if not formats:
        return []
    firsts = {
        section.name: next(iter(section.views.values())).drawn for row in rows for section in row
    }
    known = {name: held for name, held in firsts.items() if held}
    return save(known, folder, formats)


def document(findings: Findings, files: Iterable[Path]) -> str:
    """Return what a report comes to as one JSON document."""
    held = {
        "study": findings.title,
        "stamps": list(findings.stamps),
        "counts": dict(findings.counts),
        "absence": findings.absence,
        "baselines": [entry(mean) for mean in findings.baselines],
        "front": [entry(mean) for mean in findings.front],
        "files": list(map(str, files)),
    }
    return json.dumps(held, indent=1)


def entry(mean: Mean) -> dict[str, object]:
    """Return an architecture as plain data."""
    return {
        **({"name": mean.name} if mean.name else {}),
        "choices": dict(mean.choices),
        "trials": list(mean.numbers),
        "metric": mean.metric,
        "mean": mean.mean,
        "std": mean.std,
        "seeds": mean.n,
        **mean.figures,
    }


def plotly_script() -> str:
    """Return plotly.js, whole."""
    from plotly.offline import get_plotlyjs

    text: str = get_plotlyjs()
    return text
