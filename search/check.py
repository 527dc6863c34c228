"""Look whether a module keeps the zoo's contract: at a site, in a network, in an exported file."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from modules.backbones.resnet import resnet50
from modules.graft import graft
from search.blame import place_of, raised_at, text_at
from search.checks import RULES, WIDTHS, BrokenError, SkippedError, costs
from search.exports import Original, write
from search.graphs import check_installed, save_graph
from search.plugins import POSITIONS
from search.space_file import run
from search.subject import SEED, Subject
from spaces import SpaceError
from spaces.labels import near
from trials.probe import SITES

IMAGE = (3, 16, 16)
CLASSES = 3
EXPANSION = 4
"""Channels of a bottleneck's end to those of its 3x3."""


@dataclass(frozen=True)
class Finding:
    """Whether a rule holds, None where it could not be looked at, and the line to change."""

    rule: str
    holds: bool | None
    words: str
    line: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """What was found of one class; `costs` are parameters and MACs by width."""

    name: str
    site: str
    findings: list[Finding]
    costs: Mapping[int, Mapping[str, int]]

    @property
    def holds(self) -> bool:
        """Tell whether no rule is broken."""
        return all(finding.holds is not False for finding in self.findings)


def given_class(given: str) -> Any:
    """Return the class that `FILE:CLASS` names."""
    file, _, name = given.rpartition(":")
    if not file:
        raise SpaceError(f"{given!r} does not read like mine.py:Gate")
    path = Path(file)
    if not path.is_file():
        raise SpaceError(f"there is no file {file!r}")
    module = run(path)
    classes = {
        key: value
        for key, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, nn.Module)
    }
    if name not in classes:
        kind = type(getattr(module, name)).__name__ if hasattr(module, name) else ""
        fact = f"{name} is a {kind}" if kind else f"there is no {name!r}"
        raise SpaceError(f"{file}: {fact}, no class of a torch module{near(name, classes)}")
    return classes[name]


def check(kind: Any, quick: bool = False) -> Report:
    """Try every rule; `quick` leaves out what takes a process or an exporter."""
    subject = subject_of(kind)
    rules = {**RULES, **IN_NETWORKS, **({} if quick else EXPORTED)}
    findings = [finding(name, rule, subject) for name, rule in rules.items()]
    counted = next(one for one in findings if one.rule == "cost")
    figures = costs(subject) if counted.holds else {}
    return Report(kind.__name__, subject.site, findings, figures)


def subject_of(kind: Any) -> Subject:
    """Find out where a class stands and at which width it can be tried."""
    site = getattr(kind, "site", None)
    names = list(inspect.signature(kind).parameters)
    if site not in SITES:
        site = "mix" if "stride" in names[:2] else "gate"
    refusals = []
    for width in WIDTHS:
        subject = Subject(kind, site, width)
        try:
            subject.build()
        except ValueError as error:
            refusals.append(str(error))
        except TypeError as error:
            line = place_of(kind)
            raise SpaceError(
                f"{line}: a {site} is called with its channels alone; {error}"
            ) from None
        else:
            return subject
    raise SpaceError(f"{place_of(kind)}: takes none of {WIDTHS} channels; {refusals[-1]}")


def finding(name: str, rule: Callable[[Subject], str], subject: Subject) -> Finding:
    """Try one rule; an error of the module's own is a rule broken at its line."""
    begun = time.perf_counter()
    line = ""
    holds: bool | None = True
    try:
        words = rule(subject)
    except SkippedError as skipped:
        holds, words = None, str(skipped)
    except BrokenError as broken:
        holds, words, line = False, str(broken), broken.line
    except Exception as error:  # whatever a module raises is what is to be said of it
        first = (str(error).strip().splitlines() or [""])[0]
        holds, words, line = (
            False,
            f"{type(error).__name__}: {first}",
            raised_at(error, subject.kind),
        )
    return Finding(name, holds, words, from_here(line), round(time.perf_counter() - begun, 2))


def from_here(line: str) -> str:
    """Return a line's file as it is seen from the working folder, if it lies in there."""
    here = Path.cwd()
    return str(Path(line).relative_to(here)) if line and Path(line).is_relative_to(here) else line


def network_of(subject: Subject) -> partial[Any]:
    """Return a small network with the class at its site, as a deferred call."""
    ends = subject.site in ("gate", "after", "fuse")
    planes = max(1, subject.width // (EXPANSION if ends else 1))
    held: dict[str, Any] = {
        "depths": (1, 1),
        "planes": planes,
        "stem": "cifar",
        "num_classes": CLASSES,
    }
    return partial(resnet50, **held, **{subject.site: subject.kind})


def trains(subject: Subject) -> str:
    """Take one step in a network."""
    torch.manual_seed(SEED)
    network = network_of(subject)().train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for _ in range(2):
        optimizer.zero_grad()
        loss = F.cross_entropy(network(torch.randn(4, *IMAGE)), torch.tensor([0, 1, 2, 0]))
        for part in network.modules():
            if callable(penalty := getattr(part, "penalty", None)):
                loss = loss + penalty()
        if not loss.isfinite():
            raise BrokenError(
                f"the loss of a small ResNet is {float(loss)}", place_of(subject.kind)
            )
        loss.backward()
        optimizer.step()
    return f"a small ResNet with it at {subject.site} takes two steps"


def stub(width: int) -> nn.Module:
    """Build a network as others write them."""
    return nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), nn.ReLU(), nn.Conv2d(width, width, 3, 1, 1))


def fits(subject: Subject) -> str:
    """Stand where torchvision, timm and mmdet have a place for it: all hand over a count."""
    if subject.site == "fuse":
        raise SkippedError("a fusion of two maps has no place there")
    build, kind = partial(stub, subject.width), subject.kind
    if subject.site == "mix":
        module = subject.build()
        channels = getattr(module, "channels", None)
        if not isinstance(channels, int):
            raise BrokenError("a mix has .channels, the count it works on", place_of(kind))
        if channels != subject.width:
            return f"by a backbone's mix alone: at {subject.width} planes it works on {channels}"
        if (returned := subject.returned(module)) != channels:
            return f"by a backbone's mix alone: at {subject.width} planes it hands on {returned}"
        network = graft(build, instead={"2": kind})
    elif subject.site == "act":
        network = graft(build, instead={"1": kind})
    else:
        network = graft(build, after={"0": kind})
    made: Tensor = network(torch.randn(2, 3, 32, 32))
    if made.shape != (2, subject.width, 16, 16):
        raise BrokenError(f"returns {tuple(made.shape)} in a grafted network", place_of(kind))
    position = POSITIONS.get(subject.site)
    mmdet = f", mmdet's plugins at {position}" if position else ""
    return f"graft(...) puts it into torchvision's and timm's networks{mmdet}"


def exports(subject: Subject) -> str:
    """Write a network with it as one file, and have a clean process compare the two."""
    with TemporaryDirectory() as folder:
        original = Original(network_of(subject), IMAGE, CLASSES)
        write({"checked": original}, Path(folder))
    return "one file that needs torch alone gives the same bits"


def onnx(subject: Subject) -> str:
    """Write a network with it as ONNX, and compare what the runtime makes of it."""
    try:
        check_installed(["onnx"])
    except SpaceError as error:
        raise SkippedError(str(error)) from None
    torch.manual_seed(SEED)
    with TemporaryDirectory() as folder:
        proof = save_graph("onnx", network_of(subject)(), IMAGE, Path(folder) / "checked.onnx")
    return f"the runtime's outputs differ by {proof['largest difference']:.1e} of the largest"


IN_NETWORKS = {"training": trains, "fit": fits}
EXPORTED = {"export": exports, "onnx": onnx}


def as_json(report: Report) -> str:
    """Return one document."""
    return json.dumps({**asdict(report), "holds": report.holds}, indent=1)


def as_text(report: Report) -> Iterator[str]:
    """Yield the table, then the lines to change."""
    marks = {True: "holds", False: "BROKEN", None: "not tried"}
    width = max(len(finding.rule) for finding in report.findings)
    yield f"{report.name}, site {report.site}"
    for finding in report.findings:
        first, *rest = finding.words.split("; ")
        yield f"  {finding.rule.ljust(width)}  {marks[finding.holds]:9}  {first}"
        for words in rest:
            yield f"  {'':{width}}  {'':9}  {words}"
    broken = [finding for finding in report.findings if finding.holds is False]
    for finding in broken:
        yield ""
        yield f"{finding.line}: {finding.rule}: {finding.words}"
        if text := text_at(finding.line):
            yield f"    {text}"
    if not broken:
        yield "everything that was tried holds"
