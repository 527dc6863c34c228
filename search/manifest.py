"""What stands beside exported files: their hashes, what they are, what was proved of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spaces import SpaceError

NAME = "manifest.json"

Entries = dict[str, dict[str, Any]]


def read_manifest(folder: Path) -> Entries:
    """Return what a folder's manifest says of each export; nothing where there is none."""
    path = folder / NAME
    if not path.exists():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        entries = None
    if not isinstance(entries, dict) or not all(
        isinstance(entry, dict) and isinstance(entry.get("sha256"), dict)
        for entry in entries.values()
    ):
        raise SpaceError(f"{path} is not a manifest of exports; choose another folder")
    return entries


def write_manifest(folder: Path, entries: Mapping[str, Mapping[str, object]]) -> None:
    """Write the manifest of a folder."""
    text = json.dumps(dict(sorted(entries.items())), indent=1, ensure_ascii=False)
    (folder / NAME).write_text(text + "\n", encoding="utf-8")


def digest_of(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_digest(path: Path) -> None:
    """Refuse an exported file that is not as it was written, by a bit or more."""
    for entry in read_manifest(path.parent).values():
        recorded = entry["sha256"].get(path.name)
        if recorded and recorded != digest_of(path):
            raise SpaceError(
                f"{path} has changed since it was exported: its sha256 is not {NAME}'s"
            )
