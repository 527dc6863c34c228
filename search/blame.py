"""Which line of a class's file to change: what it assigns, what it computes, where it begins."""

from __future__ import annotations

import ast
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

WIDENED_ON_CUDA = {
    *("softmax", "softplus", "log_softmax", "group_norm", "layer_norm", "normalize", "norm"),
    *("sum", "prod", "cumsum", "cumprod", "pow", "__pow__", "__rpow__"),
    *("exp", "expm1", "log", "log1p", "log2", "rsqrt", "reciprocal", "__rdiv__", "__rtruediv__"),
}
"""What autocast computes in float32 on CUDA, and on the CPU in bfloat16."""
DRAWING = ("rand", "bernoulli", "dropout", "normal", "multinomial", "uniform", "exponential")


class Watch(TorchFunctionMode):
    """Notes which line of a class's file makes a wider type of a narrow one, or draws numbers.

    With `on_cuda` results are widened as CUDA's autocast widens them.
    """

    def __init__(self, kind: type, on_cuda: bool = False) -> None:
        super().__init__()
        self.on_cuda = on_cuda
        self.file = file_of(kind)
        self._widened: list[str] = []
        self._drawn: list[str] = []

    def widened(self) -> str:
        """Return the last line that made float32 of bfloat16."""
        return self._widened[-1] if self._widened else ""

    def drawn(self) -> str:
        """Return the first line that drew random numbers."""
        return self._drawn[0] if self._drawn else ""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call, and compare what goes in with what comes out."""
        made = func(*args, **(kwargs or {}))
        widens = self.on_cuda and getattr(func, "__name__", "") in WIDENED_ON_CUDA
        if widens and isinstance(made, Tensor) and made.dtype == torch.bfloat16:
            made = made.float()
        narrow = any(t.dtype == torch.bfloat16 for t in tree_leaves(args) if isinstance(t, Tensor))
        if narrow and isinstance(made, Tensor) and made.dtype == torch.float32:
            self._widened.append(self._line())
        if any(word in getattr(func, "__name__", "") for word in DRAWING):
            self._drawn.append(self._line())
        return made

    def _line(self) -> str:
        frame = sys._getframe(2)
        while frame is not None:
            if frame.f_code.co_filename == self.file:
                return f"{self.file}:{frame.f_lineno}"
            frame = frame.f_back  # type: ignore[assignment]
        return ""


def file_of(kind: object) -> str:
    """Return the file of a class or a function."""
    return inspect.getsourcefile(kind) or ""  # type: ignore[arg-type]


def place_of(function: Callable[..., object] | type) -> str:
    """Return where a class or a function begins, as `file:12`."""
    return f"{file_of(function)}:{inspect.getsourcelines(function)[1]}"


def where(kind: type) -> str:
    """Return the line of the class."""
    return place_of(kind)


def result_of(kind: Any) -> str:
    """Return the line with which its forward returns."""
    if "forward" not in vars(kind):
        return place_of(kind)
    returns = [node.lineno for node in nodes(kind.forward) if isinstance(node, ast.Return)]
    return line_of(kind.forward, max(returns, default=1))


def assignment_of(kind: type, name: str) -> str:
    """Return the line on which a constructor assigns what holds a parameter of this name."""
    attribute = name.partition(".")[0]
    constructor = vars(kind).get("__init__")
    for node in nodes(constructor) if constructor else ():
        if isinstance(node, ast.Attribute) and node.attr == attribute:
            return line_of(constructor, node.lineno)
    return place_of(kind)


def nodes(function: Any) -> Iterator[ast.AST]:
    """Yield the syntax of a function."""
    yield from ast.walk(ast.parse(dedent(inspect.getsource(function))))


def line_of(function: Any, line: int) -> str:
    """Return a line of a function, counted from 1 there, as one of its file."""
    return f"{file_of(function)}:{inspect.getsourcelines(function)[1] + line - 1}"


def raised_at(error: BaseException, kind: type) -> str:
    """Return the line of a class's file that an error came through last."""
    file = file_of(kind)
    causes = [error, *filter(None, [error.__cause__, error.__context__])]
    for cause in causes:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(cause.__traceback__)
            if frame.filename == file
        ]
        if lines:
            return f"{file}:{lines[-1]}"
    # a compiler tells the line of the user's in its words
    told = [part.partition(",")[0] for part in str(error).split(f'{file}", line ')[1:]]
    numbers = [word.split()[0] for word in told if word.split() and word.split()[0].isdigit()]
    return f"{file}:{numbers[-1]}" if numbers else place_of(kind)


def text_at(line: str) -> str:
    """Return what stands on a line that is named as `file:12`."""
    file, _, number = line.rpartition(":")
    try:
        return Path(file).read_text(encoding="utf-8").splitlines()[int(number) - 1].strip()
    except (OSError, ValueError, IndexError):
        return ""
