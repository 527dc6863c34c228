"""What a module has to keep to stand at a site, one function a rule.

A rule returns what there is to say where it is kept, and raises `BrokenError` with the line to
change where it is not; whatever else is raised is the module's own error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from search.blame import Watch, assignment_of, place_of, result_of, where
from search.subject import Alone, Subject, scattered
from trials.cost import measure
from trials.count import UncountedError
from trials.probe import SITES

WIDTHS = (64, 128, 256, 512)
SIZES = ((13, 11), (7, 7), (1, 1))
MEASURED = (14, 14)
ROUNDED = 1e-12
"""What a gradient that cancels out may leave, as a share of the largest."""


class BrokenError(Exception):
    """A rule that does not hold, and where; `line` is as `file:12`."""

    def __init__(self, words: str, line: str = "") -> None:
        super().__init__(words)
        self.line = line


class SkippedError(Exception):
    """A rule that cannot be looked at here."""


def site(subject: Subject) -> str:
    """See that the class says where it stands."""
    said = getattr(subject.kind, "site", None)
    if said is None:
        line = where(subject.kind)
        raise BrokenError(
            f"no site; it was taken for a {subject.site}: add site = {subject.site!r}", line
        )
    if said not in SITES:
        raise BrokenError(f"site = {said!r} is none of {', '.join(SITES)}", where(subject.kind))
    return (
        f"{said}, called with {', '.join(map(str, subject.arguments(subject.width))) or 'nothing'}"
    )


def shapes(subject: Subject) -> str:
    """See that odd and small maps keep their shape, or are refused in words."""
    refused = []
    for stride in (1, 2) if subject.site == "mix" else (1,):
        module = subject.build(stride=stride)
        for size in SIZES:
            for training in (True, False):
                words = shape(subject, module.train(training), size, stride)
                refused += [words] if words else []
    return "; ".join(dict.fromkeys(refused)) or f"keeps {', '.join(map(by, SIZES))}"


def shape(subject: Subject, module: nn.Module, size: tuple[int, int], stride: int) -> str:
    """Try one map; return the words with which it is refused."""
    given = subject.maps(module, size)
    before = [x.clone() for x in given]
    try:
        made = module(*given)
    except ValueError as error:
        if size == SIZES[0] or len(str(error).split()) < 4:
            raise
        return f"refuses {by(size)}: {error}"
    expected = (given[0].shape[0], subject.returned(module), *(-(-side // stride) for side in size))
    found = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
    if found != expected:
        raise BrokenError(f"returns {found} where {expected} belongs", result_of(subject.kind))
    if not made.isfinite().all():
        raise BrokenError(
            f"returns numbers that are not finite for {by(size)}", result_of(subject.kind)
        )
    if not all(torch.equal(x, was) for x, was in zip(given, before, strict=True)):
        raise BrokenError("changes the map that it is given", result_of(subject.kind))
    return ""


def meta(subject: Subject) -> str:
    """See that shapes are told without values, as costing needs it."""
    with torch.device("meta"):
        module = subject.build()
        made: Tensor = module(*(x.to("meta") for x in subject.maps(module, SIZES[0])))
    if not made.is_meta:
        raise BrokenError("makes tensors on the CPU from maps elsewhere", result_of(subject.kind))
    return "its shapes are known without computing"


def gradients(subject: Subject) -> str:
    """See that every parameter learns; all are moved first, since a zero stops gradients."""
    module = scattered(subject.build()).train()
    given = [x.double().requires_grad_() for x in subject.maps(module, SIZES[0])]
    made = module(*given)
    total = (made * made.detach().cos()).sum()
    penalty = getattr(module, "penalty", None)
    (total + penalty() if callable(penalty) else total).backward()
    for name, parameter in module.named_parameters():
        line = assignment_of(subject.kind, name)
        if parameter.grad is None:
            raise BrokenError(f"{name} gets no gradient; use it in forward, or leave it out", line)
        if not parameter.grad.isfinite().all():
            raise BrokenError(f"{name} gets a gradient that is not finite", line)
    largest = {
        name: float(p.grad.abs().max())
        for name, p in module.named_parameters()
        if p.grad is not None
    }
    silent = [name for name, slope in largest.items() if slope <= ROUNDED * max(largest.values())]
    if not all(x.grad is not None and x.grad.isfinite().all() for x in given):
        raise BrokenError("passes no finite gradient on", result_of(subject.kind))
    count = len(list(module.parameters()))
    cancelled = f"; {', '.join(silent)} cancels out" if silent else ""
    return f"reach {count} parameters{cancelled}" if count else "pass; there are no parameters"


def bf16(subject: Subject) -> str:
    """See that under autocast a map stays in the type that a convolution gives it."""
    module = subject.build()
    for on_cuda in (False, True):
        given = [x.bfloat16() for x in subject.maps(module, SIZES[0])]
        with torch.autocast("cpu", torch.bfloat16), Watch(subject.kind, on_cuda) as watch:
            made = module(*given)
        if made.dtype != torch.bfloat16:
            device = "on CUDA" if on_cuda else "on the CPU"
            words = f"makes float32 of bfloat16 under autocast {device}; add .to(x.dtype) there"
            raise BrokenError(words, watch.widened() or result_of(subject.kind))
        if not made.isfinite().all():
            raise BrokenError("returns numbers that are not finite", result_of(subject.kind))
    return "stays in bfloat16 under autocast, on CUDA too"


def channels_last(subject: Subject) -> str:
    """See that the memory format changes no value."""
    module = scattered(subject.build()).eval()
    given = [x.double() for x in subject.maps(module, SIZES[0])]
    with torch.no_grad():
        expected = module(*given)
        made = module(*(x.to(memory_format=torch.channels_last) for x in given))
    if not torch.allclose(made, expected, rtol=1e-9, atol=1e-12):
        raise BrokenError("returns other values for channels_last maps", result_of(subject.kind))
    if not made.is_contiguous(memory_format=torch.channels_last):
        return "same values; the result is laid out as (n, c, h, w), which costs a copy"
    return "same values, same format"


def compiles(subject: Subject) -> str:
    """See that torch.compile takes all of it as one graph."""
    module = scattered(subject.build()).eval()
    given = [x.double() for x in subject.maps(module, SIZES[0])]
    torch.compiler.reset()
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    with torch.no_grad():
        if not torch.allclose(compiled(*given), module(*given)):
            raise BrokenError("computes something else when compiled", result_of(subject.kind))
    return "one graph"


def deterministic(subject: Subject) -> str:
    """See that a seed decides the start, and that evaluation draws nothing."""
    first, second = subject.build().state_dict(), subject.build().state_dict()
    for name in first:
        if not torch.equal(first[name], second[name]):
            raise BrokenError(f"{name} starts otherwise after the same seed", where(subject.kind))
    module = subject.build().eval()
    given = subject.maps(module, SIZES[0])
    with torch.no_grad(), Watch(subject.kind) as watch:
        if not torch.equal(module(*given), module(*given)):
            line = watch.drawn() or result_of(subject.kind)
            raise BrokenError("evaluates the same map to other values each time", line)
    return "the seed decides the start, evaluation draws nothing"


def start(subject: Subject) -> str:
    """Tell whether a pretrained network keeps its outputs; `initialise` has to set what it does."""
    module, fresh = scattered(subject.build()), subject.build().double().state_dict()
    initialise = getattr(module, "initialise", None)
    if callable(initialise):
        before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
        initialise()
        changed = [n for n, t in module.state_dict().items() if not torch.equal(t, before[n])]
        if not all(torch.equal(module.state_dict()[name], fresh[name]) for name in changed):
            words = "initialise() sets other values than the constructor leaves"
            raise BrokenError(words, place_of(subject.kind.initialise))
    if subject.site in ("mix", "act"):
        return f"none is asked of a {subject.site} beyond the constructor's"
    module = subject.build().eval()
    given = subject.maps(module, SIZES[0])
    with torch.no_grad():
        moved = float((module(*given) - sum(given)).abs().mean() / given[0].abs().mean())
    if moved < 1e-6:
        return "the identity" if subject.site != "fuse" else "the plain sum"
    blend = "; partial(Blend, gate=...) starts as the identity" if subject.site == "gate" else ""
    return f"not the identity: a map moves by {moved:.0%}{blend}"


def costs(subject: Subject) -> Mapping[int, Mapping[str, int]]:
    """Count parameters and multiply-accumulates at every usual width that it takes."""
    found = {}
    for width in WIDTHS:
        try:
            module = subject.build(width)
        except ValueError:
            continue
        channels = subject.taken(module) if subject.site == "mix" else width
        cost = measure(partial(Alone, subject, width), (channels, *MEASURED))
        found[width] = {"params": cost.params, "macs": cost.macs}
    return found


def cost(subject: Subject) -> str:
    """See that every operator can be counted."""
    try:
        found = costs(subject)
    except UncountedError as error:
        raise BrokenError(str(error), result_of(subject.kind)) from None
    return "; ".join(
        f"{width}: {one['params']:,} parameters, {one['macs']:,} MACs"
        for width, one in found.items()
    )


def by(size: Sequence[int]) -> str:
    """Write a size."""
    return "x".join(map(str, size))


RULES: Mapping[str, Callable[[Subject], str]] = {
    "site": site,
    "shapes": shapes,
    "meta device": meta,
    "gradients": gradients,
    "bf16": bf16,
    "channels_last": channels_last,
    "compile": compiles,
    "determinism": deterministic,
    "start": start,
    "cost": cost,
}
