"""Make sure that the four packages are ours: another may have common names like these."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

MARK = '__mark__ = "attention-search"'
PACKAGES = ("search", "spaces", "modules", "trials")


def foreign_packages() -> str:
    """Return a line that names every package that is not ours and its path; empty if all are."""
    found = []
    for name in PACKAGES:
        spec = find_spec(name)
        origin = spec.origin if spec else None
        if origin is None or MARK not in Path(origin).read_text(encoding="utf-8"):
            place = origin or (
                list(spec.submodule_search_locations or [])[:1] if spec else "missing"
            )
            found.append(f"{name} ({place})")
    if not found:
        return ""
    return f"not ours, though of our name: {', '.join(found)}; use a virtual environment of its own"
