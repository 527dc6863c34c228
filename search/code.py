"""The code a network is made of, as one hash and one per file; comments and docstrings aside."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from search.sources import module_of, names_of, unguarded

OUTSIDE = {"search", "spaces", "trials", "torch", *sys.stdlib_module_names} - {"__main__"}
"""What surrounds a network without being part of it."""
ALL = "*"


class Piece(NamedTuple):
    """A statement of a file, written without comments, formatting and docstrings."""

    file: str
    place: int
    text: str


class Name(NamedTuple):
    """A name in a module; `*` is all of them."""

    module: str
    name: str


class Code:
    """Hashes the definitions that deferred calls reach; a file is read once.

    What a file holds besides, its choices above all, may change and the hash stays.
    """

    def __init__(self) -> None:
        self._files: dict[str, File] = {}
        self._pieces: dict[Name, frozenset[Piece]] = {}

    def __call__(self, *values: object) -> tuple[str, dict[str, str]]:
        """Return the hash of all that the values are made of, and one for each file."""
        pieces: set[Piece] = set()
        for value in values:
            for definition in definitions(value):
                pieces |= self._of(definition)
        texts: dict[str, list[str]] = {}
        for piece in sorted(pieces):
            texts.setdefault(piece.file, []).append(piece.text)
        files = {file: digest(held) for file, held in texts.items()}
        return digest(f"{file} {held}" for file, held in files.items()), files

    def _of(self, definition: Any) -> frozenset[Piece]:
        name = Name(definition.__module__ or "", definition.__qualname__)
        if name not in self._pieces:
            self._pieces[name] = frozenset(self._behind(definition, name))
        return self._pieces[name]

    def _behind(self, definition: Any, name: Name) -> Iterator[Piece]:
        module = sys.modules.get(name.module)
        if module is None or not is_part(module):
            return
        if not has_text(module):
            yield Piece(".".join(name), 0, text_of(definition))
            return
        outermost = name.name.partition(".")[0]
        # a lambda has no name to be found by, so all of its file counts
        yield from self._reached(Name(name.module, ALL if outermost.startswith("<") else outermost))

    def _reached(self, root: Name) -> Iterator[Piece]:
        seen = {root}
        ahead = [root]
        while ahead:
            here = ahead.pop()
            module = sys.modules.get(here.module)
            if module is None or not is_part(module) or not has_text(module):
                continue
            file = self._files.get(here.module)
            if file is None:
                file = self._files[here.module] = File(module)
            pieces, further = file.behind(here.name)
            yield from pieces
            ahead += [name for name in further if name not in seen]
            seen |= further


def code_hash(*values: object) -> tuple[str, dict[str, str]]:
    """Hash the code of a network, or of whatever else stands in deferred calls."""
    return Code()(*values)


class File:
    """A module's top-level statements, by the names they bind."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module.__name__
        self.package = module.__package__ or ""
        self.label = label(module)
        self.body = unguarded(ast.parse(inspect.getsource(module)).body)
        self.names = [names_of(node) for node in self.body]

    def behind(self, name: str) -> tuple[list[Piece], set[Name]]:
        """Return the statements that bind a name, and the names that these use."""
        pieces: list[Piece] = []
        further: set[Name] = set()
        for place, (node, (binds, uses)) in enumerate(zip(self.body, self.names, strict=True)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                further |= {
                    origin
                    for bound, origin in imported(node, self.package)
                    if name in (bound, ALL) or bound == ALL
                }
            elif name in binds or name == ALL:
                pieces.append(Piece(self.label, place, bare(node)))
                further |= {Name(self.module, used) for used in binds | uses}
                for inner in ast.walk(node):
                    further |= {origin for _, origin in imported(inner, self.package)}
        return pieces, further


def definitions(value: object) -> Iterator[Any]:
    """Yield the classes and functions that stand in a value, and the classes of its objects."""
    if isinstance(value, partial):
        yield from definitions([value.func, value.args, value.keywords])
    elif isinstance(value, Mapping):
        yield from definitions(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from definitions(item)
    elif is_dataclass(value) and not isinstance(value, type):
        yield from definitions([getattr(value, field.name) for field in fields(value)])
    else:
        yield value if hasattr(value, "__qualname__") else type(value)


def imported(node: ast.AST, package: str) -> list[tuple[str, Name]]:
    """Return the names that an import binds, with what they stand for."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return []
    source = module_of(node, package)
    if not source:
        return [
            (alias.asname or alias.name.partition(".")[0], Name(alias.name, ALL))
            for alias in node.names
        ]
    return [
        (
            alias.asname or alias.name,
            Name(f"{source}.{alias.name}", ALL)
            if f"{source}.{alias.name}" in sys.modules
            else Name(source, alias.name),
        )
        for alias in node.names
    ]


def is_part(module: ModuleType) -> bool:
    """Tell whether a module's code may belong to a network: ours or the user's, no library's."""
    root = module.__name__.partition(".")[0]
    if root in OUTSIDE:
        return False
    installed = [sysconfig.get_path(kind) for kind in ("purelib", "platlib")]
    file = Path(getattr(module, "__file__", None) or "")
    return root == "modules" or not any(file.is_relative_to(folder) for folder in installed)


def has_text(module: ModuleType) -> bool:
    """Tell whether a module's source can be read; a notebook has none as a whole."""
    try:
        return bool(inspect.getsource(module))
    except (OSError, TypeError):
        return False


def text_of(definition: Any) -> str:
    """Return the source of what stands in no file, such as a notebook's cell."""
    try:
        return inspect.getsource(definition)
    except (OSError, TypeError):
        # inspect finds a cell's functions, and of its classes only the methods
        held = vars(definition).values() if isinstance(definition, type) else ()
        return "\n".join(text_of(method) for method in held if inspect.isfunction(method))


def label(module: ModuleType) -> str:
    """Name a file without its place on this machine."""
    parts = module.__name__.split(".")
    if hasattr(module, "__path__"):
        parts.append("__init__")
    return "/".join([*parts[:-1], Path(module.__file__ or parts[-1]).name])


def bare(node: ast.AST) -> str:
    """Write a statement without comments, formatting and docstrings."""
    return ast.unparse(Undocumented().visit(ast.parse(ast.unparse(node))))


class Undocumented(ast.NodeTransformer):
    """Takes out the statements that are nothing but a text."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Drop a docstring."""
        is_text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_text else node


def digest(texts: Iterable[str]) -> str:
    """Hash texts in their order."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
