"""The code that trains, as bytes: our packages, a space file and the files it imports.

Whoever trains elsewhere unpacks it and works with nothing else, so that it is the same code.
What unpacks has nothing of ours yet: `Parcel` needs the standard library alone.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from search.ours import PACKAGES
from search.space_file import beside

SPACE = "space"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that an archive can hold; equal files make equal archives."""


@dataclass(frozen=True)
class Parcel:
    """An archive, the name of its space file, and the hash that both ends agree on."""

    content: bytes
    space: str
    digest: str

    def unpacked(self, folder: Path) -> Path:
        """Unpack once into a folder named by the hash; every file in it is as it was sent."""
        if hashlib.sha256(self.content).hexdigest() != self.digest:
            raise RuntimeError("the code that was sent did not arrive as it was")
        place = folder / f"code-{self.digest[:16]}"
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            if not place.exists():
                folder.mkdir(parents=True, exist_ok=True)
                made = Path(tempfile.mkdtemp(dir=folder, prefix=".new-"))
                archive.extractall(made)
                try:
                    made.rename(place)
                except OSError:
                    # another worker of this machine was quicker
                    shutil.rmtree(made)
            for name in archive.namelist():
                if (place / name).read_bytes() != archive.read(name):
                    raise RuntimeError(f"{place / name} is not what was sent; remove {place}")
        return place


def packed(space: Path) -> Parcel:
    """Pack what trains: the packages of this process, a space file and the user's modules."""
    files = {f"{SPACE}/{path.name}": path for path in [space, *beside(space)]}
    for name in PACKAGES:
        spec = find_spec(name)
        assert spec and spec.origin
        folder = Path(spec.origin).parent
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                files[f"{name}/{path.relative_to(folder).as_posix()}"] = path
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, path in sorted(files.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    content = buffer.getvalue()
    return Parcel(content, f"{SPACE}/{space.name}", hashlib.sha256(content).hexdigest())
