"""Try a module at its place: what does not fit is named with site, module and shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from trials.count import UncountedError
from trials.meta import needs_values

KEEPS_SHAPE = ("gate", "inner", "fuse", "after", "act")
SITES = (*KEEPS_SHAPE, "mix")

REFUSALS = (
    ValueError,
    TypeError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    LookupError,
)
"""What a module raises where it cannot take its channels or its size."""


class MisfitError(ValueError):
    """A module that cannot stand at a site: a constraint, not a fault."""


class ShapeError(MisfitError):
    """A module that returns what its site does not take: a fault of the module, at any point."""


def probed(path: str, value: Any) -> Any:
    """Return a factory that stands at a site with its modules watched, anything else as it is."""
    is_factory = callable(value) and not isinstance(value, nn.Module)
    return Probe(path, value) if is_factory and path.partition(".")[0] in SITES else value


@dataclass(frozen=True)
class Probe:
    """A factory whose modules check what comes out of them; `path` is its place, as `gate.3`."""

    path: str
    factory: Callable[..., nn.Module]

    def __getattr__(self, name: str) -> Any:
        """Answer for the factory, should a backbone ask it."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.factory, name)

    def __call__(self, *args: Any, **named: Any) -> nn.Module:
        """Build the module, and watch its forward."""
        called = f"{self.path}: {name_of(self.factory)}({written(args, named)})"
        try:
            module = self.factory(*args, **named)
        except REFUSALS as error:
            if needs_values(error):
                raise
            raise MisfitError(f"{called}: {reason(error)}") from error
        if not isinstance(module, nn.Module):
            raise ShapeError(f"{called} returned {a(type(module).__name__)}, not a module")
        if "probed" not in module.__dict__:
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
        **named: Any,
    ) -> Any:
        shapes = " and ".join(str(tuple(x.shape)) for x in inputs if isinstance(x, Tensor))
        try:
            out = forward(*inputs, **named)
        except (MisfitError, UncountedError):
            raise
        except REFUSALS as error:
            if needs_values(error):
                raise
            raise MisfitError(f"{called} on {shapes}: {reason(error)}") from error
        site = self.path.partition(".")[0]
        expected = expected_shape(site, module, args, inputs)
        if expected and (not isinstance(out, Tensor) or tuple(out.shape) != expected):
            got = tuple(out.shape) if isinstance(out, Tensor) else a(type(out).__name__)
            rule = (
                f"{a(site)} keeps its input's shape"
                if site != "mix"
                else f"a mix returns its .channels at its stride, {expected}"
            )
            raise ShapeError(f"{called} returned {got} for {shapes}; {rule}")
        return out


def release(network: nn.Module) -> None:
    """Stop watching the modules of a network."""
    for module in network.modules():
        if module.__dict__.pop("probed", None):
            del module.forward


def expected_shape(
    site: str, module: nn.Module, args: tuple[Any, ...], inputs: tuple[Any, ...]
) -> tuple[int, ...] | None:
    """Return what a module at a site must return; None where there is nothing to tell by."""
    if not inputs or not isinstance(inputs[0], Tensor):
        return None
    shape = tuple(inputs[0].shape)
    if site in KEEPS_SHAPE:
        return shape
    channels = getattr(module, "returned", getattr(module, "channels", None))
    stride = args[1] if len(args) == 2 else None
    if len(shape) != 4 or not isinstance(channels, int) or not isinstance(stride, int):
        return None
    return (shape[0], channels, *(-(-size // stride) for size in shape[2:]))


def written(args: tuple[Any, ...], named: dict[str, Any]) -> str:
    """Write the arguments of a call."""
    return ", ".join([*map(str, args), *(f"{key}={value}" for key, value in named.items())])


def a(noun: str) -> str:
    """Put the article before a noun."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def reason(error: Exception) -> str:
    """Return an error's first line."""
    text = str(error).strip().splitlines()
    if not text or isinstance(error, KeyError):
        return f"{type(error).__name__} {text[0] if text else ''}".strip()
    return text[0]


def name_of(factory: Callable[..., object]) -> str:
    """Return the name of what a deferred call calls."""
    while isinstance(factory, partial):
        factory = factory.func
    return str(getattr(factory, "__name__", type(factory).__name__))
