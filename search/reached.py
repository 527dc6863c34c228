"""What an exported file has to hold: the definitions that are reached, and what they import."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from importlib import import_module

from search.sources import Import, Source, Statement, changed, file_of, is_outside
from spaces import Space, SpaceError

BESIDE_NETWORKS = ("search", "spaces", "trials")


class Reached:
    """The definitions that are asked for and all that these use, file by file.

    In one file a name has one meaning: two that differ are refused.
    """

    def __init__(self) -> None:
        self.imports: dict[tuple[str, str], Import] = {}
        self._sources: dict[str, Source] = {}
        self._kept: dict[str, dict[int, Statement]] = {}
        self._needs: dict[str, list[str]] = {}
        self._meanings: dict[str, tuple[str, object]] = {}
        self._seen: set[tuple[str, str]] = set()

    def define(self, name: str) -> None:
        """Keep a name for a definition of the exported file's own."""
        self._claim(name, "the exported file", (name, "its own"))

    def name(self, module: str, name: str) -> None:
        """Reach a name of a module, and what stands behind it."""
        if (module, name) in self._seen:
            return
        self._seen.add((module, name))
        source = self._source(module)
        binding = source.binding(name)
        if name in source.imports:
            if any(name not in changed(statement.node) for statement in binding):
                raise SpaceError(f"{source.label} imports and defines {name!r}; rename one of them")
            for held in source.imports[name]:
                self._follow(source, held)
            return
        if binding:
            self._claim(name, source.label, ("text", [statement.text for statement in binding]))
        for statement in binding:
            source.check_inside(statement)
            self._kept[module][statement.first] = statement
            self.names(module, sorted(frozenset.union(*statement.names)))

    def names(self, module: str, names: Iterable[str]) -> None:
        """Reach the names that a piece of a module uses."""
        for name in names:
            self.name(module, name)

    def add_import(self, held: Import, label: str = "the exported file") -> None:
        """Import a name from torch or the standard library."""
        value: object = import_module(held.module)
        if held.name:
            value = getattr(value, held.name)
        elif held.bound == held.module.partition(".")[0]:
            value = sys.modules[held.bound]
        # typing.Sequence and its like stand for what collections.abc defines
        self._claim(held.bound, label, ("value", getattr(value, "__origin__", value)))
        dotted = "" if held.name or held.bound != held.module.partition(".")[0] else held.module
        self.imports.setdefault((held.bound, dotted), held)

    def sections(self) -> Iterator[str]:
        """Yield the text of each file that has something to give, what others build on first."""
        written: set[str] = set()
        for module in self._in_order():
            statements = [
                statement
                for _, statement in sorted(self._kept[module].items())
                if statement.text not in written
            ]
            if statements:
                written |= {statement.text for statement in statements}
                yield "\n\n\n".join([heading(self._sources[module]), joined(statements)])

    @property
    def sources(self) -> list[Source]:
        """The files that give something."""
        return [self._sources[module] for module in self._in_order() if self._kept[module]]

    def _source(self, module: str) -> Source:
        if module not in self._sources:
            self._sources[module] = Source(sys.modules[module])
            self._kept[module] = {}
            self._needs[module] = []
        return self._sources[module]

    def _follow(self, source: Source, held: Import) -> None:
        if held.module == "__future__":
            return
        if is_outside(held.module):
            self.add_import(held, source.label)
            return
        module = sys.modules.get(held.module)
        if held.module.partition(".")[0] in BESIDE_NETWORKS:
            raise SpaceError(
                f"{source.label} uses {held.bound} of {held.module}, which is no part of a network"
            )
        if module is not None:
            file_of(module)
        if not held.name or f"{held.module}.{held.name}" in sys.modules:
            raise SpaceError(
                f"{source.label} uses the module {held.bound!r} as a whole; "
                f"import the names themselves, so that they can be written out"
            )
        if held.bound != held.name:
            raise SpaceError(
                f"{source.label} imports {held.name} as {held.bound}; "
                "import it under its own name, so that it can be written out"
            )
        if module is None or not hasattr(module, held.name):
            raise SpaceError(f"{source.label}: there is no {held.name} in {held.module}")
        self._needs[source.module.__name__].append(held.module)
        self.name(held.module, held.name)

    def _claim(self, name: str, label: str, meaning: tuple[str, object]) -> None:
        other, first = self._meanings.setdefault(name, (label, meaning))
        if first != meaning:
            raise SpaceError(
                f"{other} and {label} both define {name!r}, and not alike; rename one of them"
            )

    def _in_order(self) -> list[str]:
        ordered: dict[str, None] = {}
        entered: set[str] = set()

        def enter(module: str) -> None:
            if module not in entered:
                entered.add(module)
                for needed in sorted(self._needs[module]):
                    enter(needed)
                ordered[module] = None

        for module in sorted(self._sources):
            enter(module)
        return list(ordered)


def heading(source: Source) -> str:
    """Return a comment for where definitions come from: the paper, or what a file is for."""
    is_space = isinstance(getattr(source.module, "space", None), Space)
    if is_space or not source.about:
        return f"# From {source.path.name}."
    if "http" not in source.about:
        return f"# {source.about.splitlines()[0].partition(':')[0].rstrip('.')}."
    return "\n".join(f"# {line}".rstrip() for line in source.about.splitlines())


def joined(statements: Iterable[Statement]) -> str:
    """Set statements below each other, as far apart as a formatter sets them."""
    text = ""
    above: Statement | None = None
    for statement in statements:
        if above:
            apart = min(statement.first - above.last, 2)
            text += "\n" * (3 if statement.is_block or above.is_block else apart)
        text += statement.text
        above = statement
    return text
