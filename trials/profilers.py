"""The figures papers print: ptflops and thop, each by its own convention, as they ship."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from trials.cost import Cost, Pass, shape_of
from trials.meta import Uncomputed, Unfilled, own, separate
from trials.probe import MisfitError, release

CONVENTIONS = {
    "ptflops": "counts norms, activations, pools and biases, and no matrix product written as @",
    "thop": "counts norms and some pools, and nothing that is not a module of torch.nn",
}


class ProfilerError(Exception):
    """A profiler that fails, or answers with nothing; never a zero."""


def profile(name: str, build: Callable[[], nn.Module], shape: tuple[int, ...]) -> Pass:
    """Count a network with `ptflops` or `thop`, on a copy of its own; the figure is its macs.

    Convolutions and products are not computed meanwhile, which changes no figure.
    """
    try:
        return profiled(name, hollow(build), shape)
    except MisfitError:
        raise
    except (ProfilerError, RuntimeError, TypeError, ValueError):
        # some networks come to nothing with zeros for weights
        return profiled(name, filled(build), shape)


def profiled(name: str, network: nn.Module, shape: tuple[int, ...]) -> Pass:
    """Count a network that is there for this alone."""
    shapes: list[tuple[int, ...]] = []

    def note(_: nn.Module, __: Any, out: object) -> None:
        shapes.append(shape_of(out))

    network.register_forward_hook(note)
    count = {"ptflops": ptflops, "thop": thop}[name]
    with quiet() as printed, Uncomputed():
        try:
            # thop counts what a network holds, and not a layer that is the network
            macs = count(nn.Sequential(network).eval(), shape)
        except Exception as error:
            raise ProfilerError(f"{name} fails: {type(error).__name__}: {error}") from error
    if macs is None:
        told = printed.getvalue().split("\n\n")[0].strip().splitlines()
        raise ProfilerError(f"{name} gives no figure: {told[-1] if told else 'no reason'}")
    return Pass(Cost(macs=int(macs)), shapes[-1], {})


def hollow(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network on the CPU with zeros for weights; values cost time and count nothing."""
    with Unfilled(), torch.no_grad():
        network = build()
    try:
        network = own(network).to_empty(device="cpu")
    finally:
        release(network)
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            tensor.zero_()
    return network


def filled(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a network with its values, without a trace in other draws."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        network = separate(build)
    release(network)
    return network


def ptflops(network: nn.Module, shape: tuple[int, ...]) -> float | None:
    """Run ptflops with its default back end and its functional operators."""
    with unless_there("torchvision"):
        from ptflops import get_model_complexity_info

    macs: float | None = get_model_complexity_info(
        network, shape[1:], as_strings=False, print_per_layer_stat=False, backend="pytorch"
    )[0]
    return macs


def thop(network: nn.Module, shape: tuple[int, ...]) -> float | None:
    """Run thop."""
    import thop as package

    macs: float | None = package.profile(network, inputs=(torch.zeros(shape),), verbose=False)[0]
    return macs


@contextlib.contextmanager
def unless_there(name: str) -> Iterator[None]:
    """Hide a package that nobody has imported yet.

    ptflops asks for torchvision to know its deformable convolution; that import takes a second, and
    fails with more than an ImportError where torchvision does not match torch.
    """
    hide = name not in sys.modules
    if hide:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hide:
            del sys.modules[name]


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    """Catch what a profiler prints and warns of."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield printed


def difference(name: str, figure: int, macs: int, allowed: float = 0.02) -> str:
    """Say why a profiler's figure is not the headline's, where they differ by more than allowed."""
    if abs(figure - macs) <= allowed * macs:
        return ""
    if not macs:
        return f"{name} says {figure:,} where macs is 0: it {CONVENTIONS[name]}"
    return f"{name} is {figure / macs - 1:+.1%} off macs: it {CONVENTIONS[name]}"


PROFILERS = {name: partial(profile, name) for name in CONVENTIONS}
