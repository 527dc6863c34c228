"""One file of code, cut into its top-level statements, with the names each binds and uses."""

from __future__ import annotations

import ast
import inspect
import symtable
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.util import resolve_name
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import NamedTuple

from spaces import SpaceError

OURS = ("modules", "search", "spaces", "trials")


class Import(NamedTuple):
    """How a name is imported; without `name` it is the module itself."""

    module: str
    name: str
    bound: str


@dataclass(frozen=True)
class Statement:
    """Lines of a file that stand or go together, with the comment above them."""

    node: ast.stmt
    first: int
    last: int
    text: str

    @property
    def is_block(self) -> bool:
        """Tell a function or a class."""
        return isinstance(self.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)

    @cached_property
    def names(self) -> tuple[frozenset[str], frozenset[str]]:
        """The names it binds or changes, and those it uses."""
        return names_of(self.node)

    def binds(self, name: str) -> bool:
        """Tell whether a name has its value from here."""
        if isinstance(self.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return name == self.node.name
        return name in self.names[0]


class Source:
    """A module's file: its statements, and its imports by the name they bind."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.path = file_of(module)
        self.label = f"{self.path.parent.name}/{self.path.name}"
        self.lines = self.path.read_text(encoding="utf-8").split("\n")
        tree = ast.parse("\n".join(self.lines))
        self.about = ast.get_docstring(tree) or ""
        self.statements: list[Statement] = []
        self.imports: dict[str, list[Import]] = {}
        body = unguarded(tree.body)
        for node, following in zip(body, [*body[1:], None], strict=True):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._read_import(node)
            elif not is_text(node):
                last = following if following and is_text(following) else node
                self.statements.append(self._statement(node, last))

    @property
    def is_ours(self) -> bool:
        """Tell our own files from a user's."""
        return self.module.__name__.partition(".")[0] in OURS

    def binding(self, name: str) -> list[Statement]:
        """Return the statements that give a name its value, in order."""
        return [statement for statement in self.statements if statement.binds(name)]

    def methods(self, name: str) -> list[Statement]:
        """Return the functions in the body of a class, but for its constructor."""
        return [
            self._statement(node, node)
            for held in ast.parse("\n".join(self.lines)).body
            if isinstance(held, ast.ClassDef) and held.name == name
            for node in held.body
            if isinstance(node, ast.FunctionDef) and node.name != "__init__"
        ]

    def check_inside(self, statement: Statement) -> None:
        """Refuse an import inside a definition of what an exported file cannot import."""
        for node in ast.walk(statement.node):
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = module_of(node, self.module.__package__ or "")
                for name in [module] if module else [alias.name for alias in node.names]:
                    if not is_outside(name):
                        raise SpaceError(
                            f"{self.label}:{node.lineno} imports {name} inside a definition; "
                            "import it at the top, so that it can be written out"
                        )

    def _statement(self, node: ast.stmt, last: ast.stmt) -> Statement:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        while first > 1 and self.lines[first - 2].lstrip().startswith("#"):
            first -= 1
        text = dedent("\n".join(self.lines[first - 1 : last.end_lineno]))
        return Statement(node, first, last.end_lineno or first, text)

    def _read_import(self, node: ast.Import | ast.ImportFrom) -> None:
        module = module_of(node, self.module.__package__ or "")
        for alias in node.names:
            if alias.name == "*":
                raise SpaceError(
                    f"{self.label}:{node.lineno} imports * from {module}; "
                    "name what is used, so that it can be written out"
                )
            if module:
                held = Import(module, alias.name, alias.asname or alias.name)
            else:
                held = Import(alias.name, "", alias.asname or alias.name.partition(".")[0])
            self.imports.setdefault(held.bound, []).append(held)


def file_of(module: ModuleType) -> Path:
    """Return the file of a module whose text may be written out."""
    name = module.__name__
    root = name.partition(".")[0]
    try:
        path = Path(inspect.getsourcefile(module) or "")
    except TypeError:
        path = Path()
    if not path.is_file():
        raise SpaceError(f"{name} has no source file; move what it defines into a .py file")
    installed = [Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")]
    if root not in OURS and any(path.is_relative_to(folder) for folder in installed):
        raise SpaceError(
            f"{name} is of the package {root}; an exported file needs nothing but torch "
            "and the standard library"
        )
    return path


def is_outside(module: str) -> bool:
    """Tell whether an exported file may import a module: it is of torch or the standard library."""
    root = module.partition(".")[0]
    return root == "torch" or root in sys.stdlib_module_names


def module_of(node: ast.Import | ast.ImportFrom, package: str) -> str:
    """Return the full name of the module that `from … import` takes from; empty for `import`."""
    if isinstance(node, ast.Import):
        return ""
    return resolve_name("." * node.level + (node.module or ""), package)


def unguarded(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements with those under `if TYPE_CHECKING:` among them."""
    flat: list[ast.stmt] = []
    for node in body:
        guarded = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        flat += node.body if isinstance(node, ast.If) and guarded else [node]
    return flat


def is_text(node: ast.stmt) -> bool:
    """Tell a docstring, of a module or of the assignment above it."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def names_of(node: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """Return the module-level names that a statement binds or changes, and those it uses."""
    table = symtable.symtable(ast.unparse(node), "", "exec")
    binds = {name.get_name() for name in table.get_symbols() if is_bound(name)}
    uses = {name.get_name() for name in table.get_symbols() if name.is_referenced()}
    for inner in tables_in(table):
        uses |= {name.get_name() for name in inner.get_symbols() if name.is_global()}
    for annotation in quoted_annotations(node):
        uses |= {name.id for name in ast.walk(annotation) if isinstance(name, ast.Name)}
    return frozenset(binds | changed(node)), frozenset(uses)


def is_bound(name: symtable.Symbol) -> bool:
    """Tell whether a symbol gets its value in the statement."""
    return name.is_assigned() or name.is_imported()


def tables_in(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """Yield the scopes inside a scope, at any depth."""
    for inner in table.get_children():
        yield inner
        yield from tables_in(inner)


def changed(node: ast.stmt) -> set[str]:
    """Return what `name[key] = …`, `name.key = …` and `name.method(…)` change at the top level."""
    held: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        held = node.targets
    elif isinstance(node, ast.AugAssign):
        held = [node.target]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        held = [node.value.func]
    elif isinstance(node, ast.For | ast.While | ast.If | ast.With | ast.Try):
        inside = (inner for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.stmt))
        return set().union(*map(changed, inside))
    roots = (root_of(expression) for expression in held if not isinstance(expression, ast.Name))
    return {root.id for root in roots if isinstance(root, ast.Name)}


def root_of(expression: ast.expr) -> ast.expr:
    """Return what the dots and brackets of an expression start from."""
    while isinstance(expression, ast.Subscript | ast.Attribute):
        expression = expression.value
    return expression


def quoted_annotations(node: ast.stmt) -> Iterator[ast.AST]:
    """Yield the annotations that are written as strings."""
    for part in ast.walk(node):
        for name in ("annotation", "returns"):
            annotation = getattr(part, name, None)
            for leaf in ast.walk(annotation) if annotation else ():
                if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str):
                    with suppress(SyntaxError):  # the words of an Annotated[...] or a Literal[...]
                        yield ast.parse(leaf.value)
