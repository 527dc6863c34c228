"""Read a space file: find it, run it, and name in one line what is wrong with it."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from spaces import Space, SpaceError
from spaces.labels import near

NAMES: dict[str, object] = {
    "space": None,
    "baselines": {},
    "objectives": ["accuracy", "macs"],
    "recipes": {},
    "limits": [],
    "published": {},
    "rules": {},
}
"""What a space file may hold, and what it means to leave it out."""


class Neighbours:
    """Finds the `.py` files that lie beside a space file, after everything that is installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find a neighbour by its bare name."""
        return None if path else PathFinder.find_spec(name, [str(self.folder)])


def read_space_file(given: str) -> tuple[Path, dict[str, object]]:
    """Run the space file at a path, or a ready-made one by its name; return what it holds."""
    path = find(given)
    module = run(path)
    held = {name: getattr(module, name, default) for name, default in NAMES.items()}
    for name in assigned(path):
        close = get_close_matches(name, NAMES, 1, cutoff=0.8)
        if close and name not in NAMES and not hasattr(module, close[0]):
            raise SpaceError(f"{path}: holds {name!r}; did you mean {close[0]!r}?")
    if held["space"] is None:
        raise SpaceError(f"{path}: defines no `space`; write space = Space(resnet50, ...)")
    if not isinstance(held["space"], Space):
        raise SpaceError(f"{path}: `space` is a {type(held['space']).__name__}, not a Space")
    return path, held


def find(given: str) -> Path:
    """Return the path of a space file."""
    path = Path(given)
    if path.is_dir():
        files = sorted(file.name for file in path.glob("*.py"))
        raise SpaceError(f"{given} is a folder; name a file in it, such as {files[:3]}")
    if path.is_file():
        return path
    ready = ready_made()
    if given in ready:
        return ready[given]
    raise SpaceError(f"there is no space file {given!r}{near(path.stem, ready)}")


def ready_made() -> dict[str, Path]:
    """Return the spaces that come with the package, by name."""
    folder = Path(__file__).parent.parent / "spaces"
    files = sorted(file for file in folder.glob("*.py") if is_space_file(file))
    return {file.stem: file for file in files}


def is_space_file(path: Path) -> bool:
    """Tell a file that assigns `space` from the language's own."""
    return "space" in assigned(path)


def assigned(path: Path) -> list[str]:
    """Return the names a file assigns."""
    return [
        target.id
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]


def run(path: Path) -> ModuleType:
    """Run a file under a name of its own; its neighbours can be imported while it runs."""
    try:
        ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except SyntaxError as error:
        raise SpaceError(f"{path}:{error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise SpaceError(f"{path}: is not Python source; {error}") from None
    check_neighbours(path)
    name = f"space_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    with neighbours(path.resolve().parent):
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            raise SpaceError(f"{place(error, path)}: {told(error)}") from error
    return module


@contextmanager
def neighbours(folder: Path) -> Iterator[None]:
    """Let the files of a folder be imported, after all that is installed."""
    finder = Neighbours(folder)
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def check_neighbours(path: Path) -> None:
    """Refuse a neighbour that an installed package of the same name would stand before."""
    for file in beside(path):
        name = file.stem
        spec = PathFinder.find_spec(name)
        if name in sys.stdlib_module_names or (spec and not is_copy(file, spec.origin)):
            raise SpaceError(f"{file} has the name of an installed package; rename it")
        loaded = getattr(sys.modules.get(name), "__file__", None)
        if loaded and not is_copy(file, loaded):
            del sys.modules[name]


def is_copy(file: Path, other: str | None) -> bool:
    """Tell whether another file, if it is there, holds the same code, as a run folder's does."""
    known = Path(other) if other else None
    return known is not None and known.is_file() and known.read_bytes() == file.read_bytes()


def beside(path: Path) -> list[Path]:
    """Return the files beside one that it imports, and those that they import."""
    found: list[Path] = []
    open_files = [path]
    while open_files:
        for name in sorted(imported(open_files.pop())):
            file = path.parent / f"{name}.py"
            if file.is_file() and file not in [*found, path]:
                found.append(file)
                open_files.append(file)
    return found


def imported(path: Path) -> set[str]:
    """Return the first names of what a file imports; none where it is not Python."""
    names: set[str] = set()
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):
        return names
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def place(error: Exception, path: Path) -> str:
    """Return the line of the space file that an error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    file = str(path.resolve())
    lines = [frame.lineno for frame in frames if frame.filename == file]
    return f"{path}:{lines[-1]}" if lines else str(path)


def told(error: Exception) -> str:
    """Return an error in one line: our own as it is, another with its kind."""
    text = str(error).strip().splitlines()
    first = text[0] if text else ""
    return first if isinstance(error, SpaceError) else f"{type(error).__name__}: {first}"
