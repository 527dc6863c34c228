"""Try a module at its place: what does not fit is named with site, module and shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from trials.count import UncountedError

KEEPS_SHAPE = ("gate", "inner", "fuse", "after", "act")


class MisfitError(ValueError):
    """A module that cannot stand at a site: a constraint, not a fault."""


class ShapeError(MisfitError):
    """A module that returns what its site does not take: a fault of the module, at any point."""


@dataclass(frozen=True)
class Probe:
    """A factory whose modules check what comes out of them; `path` is its place, as `gate.3`."""

    path: str
    factory: Callable[..., nn.Module]

    def __call__(self, *args: Any, **named: Any) -> nn.Module:
        """Build the module, and watch its forward."""
        values = [*map(str, args), *(f"{key}={value}" for key, value in named.items())]
        called = f"{self.path}: {name_of(self.factory)}({', '.join(values)})"
        try:
            module = self.factory(*args, **named)
        except REFUSALS as error:
            raise MisfitError(f"{called}: {reason(error)}") from error
        if not isinstance(module, nn.Module):
            raise MisfitError(f"{called} returned {type(module).__name__}, not a module")
        module.probed = self.path  # type: ignore[assignment]
        module.forward = partial(self._watched, called, module, module.forward, args)
        return module

    def _watched(
        self,
        called: str,
        module: nn.Module,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        *inputs: Any,
    ) -> Any:
        try:
            out = forward(*inputs)
        except (MisfitError, UncountedError):
            raise
        except REFUSALS as error:
            shapes = " and ".join(str(tuple(x.shape)) for x in inputs if isinstance(x, Tensor))
            raise MisfitError(f"{called} on {shapes}: {reason(error)}") from error
        site = self.path.partition(".")[0]
        x = inputs[0]
        expected = expected_shape(site, module, args, tuple(x.shape))
        if expected and (not isinstance(out, Tensor) or tuple(out.shape) != expected):
            got = tuple(out.shape) if isinstance(out, Tensor) else f"a {type(out).__name__}"
            rule = (
                f"a {site} keeps its input's shape"
                if site != "mix"
                else f"a mix returns its .channels at its stride, {expected}"
            )
            raise ShapeError(f"{called} returned {got} for {tuple(x.shape)}; {rule}")
        return out


REFUSALS = (
    ValueError,
    TypeError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    IndexError,
)


def expected_shape(
    site: str, module: nn.Module, args: tuple[Any, ...], shape: tuple[int, ...]
) -> tuple[int, ...] | None:
    """Return what a module at a site must return; None where the site is not one of ours."""
    if site in KEEPS_SHAPE:
        return shape
    if site == "mix" and len(args) == 2 and len(shape) == 4:
        stride = args[1]
        return (shape[0], module.channels, *(-(-size // stride) for size in shape[2:]))
    return None


def reason(error: Exception) -> str:
    """Return an error's first line."""
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__


def name_of(factory: Callable[..., object]) -> str:
    """Return the name of what a deferred call calls."""
    while isinstance(factory, partial):
        factory = factory.func
    return str(getattr(factory, "__name__", type(factory).__name__))
