"""Write networks as files that stand alone: one of Python, one of weights, and their proof."""

from __future__ import annotations

import keyword
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from search.clean import KEPT_OUT, SEED
from search.expression import Expressions
from search.graphs import FORMATS, check_installed, save_graph
from search.manifest import NAME, digest_of, read_manifest, write_manifest
from search.proof import Draft, ProofError, prove, rebuilt, sizes_taken
from search.run_folder import versions
from search.snippets import LIBRARIES, snippet
from search.standalone import Original, standalone
from search.trained import check_fit
from search.weights import load_tensors, save_tensors
from spaces import SpaceError

__all__ = ["Exported", "Original", "ProofError", "write"]

ENDINGS: Mapping[str, tuple[str, ...]] = {
    "py": (".py", ".safetensors"),
    "pth": (".pth",),
    **{name: (f".{name}",) for name in FORMATS},
    **{name: (f"_{name}.py",) for name in LIBRARIES},
}
"""The files of each format; a library's is a snippet that uses the .py there."""

Entry = dict[str, Any]
Proofs = dict[str, object]


@dataclass(frozen=True)
class Exported:
    """The files of one export, and what the manifest says of it."""

    name: str
    files: tuple[Path, ...]
    manifest: Path
    entry: Mapping[str, Any]


def write(
    originals: Mapping[str, Original],
    folder: Path,
    formats: Collection[str] = ("py",),
    force: bool = False,
) -> list[Exported]:
    """Export networks by name: all of them, or none where one does not prove right.

    `pth` has the weights of the .py once more, `pt2` and `onnx` are graphs with their weights.
    """
    check_request(originals, formats)
    check_folder(folder, originals, force)
    entries = read_manifest(folder)
    with TemporaryDirectory() as held:
        workplace = Path(held)
        drafts = [draft(original, name, workplace, formats) for name, original in originals.items()]
        proofs = proved(drafts, workplace, formats)
        files = [kept(one, formats) for one in drafts]
        for one, ours, proof in zip(drafts, files, proofs, strict=True):
            entries[one.name] = entry(one, ours, proof)
        write_manifest(workplace, entries)
        folder.mkdir(parents=True, exist_ok=True)
        placed = [install(one.name, ours, folder) for one, ours in zip(drafts, files, strict=True)]
        manifest = moved(workplace / NAME, folder)
    return [
        Exported(one.name, ours, manifest, entries[one.name])
        for one, ours in zip(drafts, placed, strict=True)
    ]


def draft(original: Original, name: str, workplace: Path, formats: Collection[str]) -> Draft:
    """Write a network down, with its weights or with some that no start has."""
    source, weights = workplace / f"{name}.py", workplace / f"{name}.safetensors"
    with torch.random.fork_rng(devices=[]):
        try:
            network = original.call(original.classes)().cpu()
        except ValueError as error:
            raise SpaceError(f"{name} cannot be built: {error}") from None
        if original.state is None:
            stir(network)
        else:
            check_fit(network, original.state)
            network.load_state_dict(original.state)
        texts = {"py": standalone(original, name, type(network))} if "py" in formats else {}
        texts |= {
            library: snippet(library, original, name, network)
            for library in LIBRARIES
            if library in formats
        }
        sizes = sizes_taken(network, original.shape)
    for form, text in texts.items():
        (workplace / f"{name}{ENDINGS[form][0]}").write_text(text, encoding="utf-8")
    try:
        save_tensors(weights, network.state_dict())
    except ValueError as error:
        raise SpaceError(f"{name}: {error}") from None
    return Draft(original, name, source, weights, sizes)


def stir(network: nn.Module) -> None:
    """Move every weight and statistic a little, so that no zero of a start hides a difference."""
    generator = torch.Generator().manual_seed(SEED)
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            noise = torch.randn(tensor.shape, generator=generator)
            tensor.add_(noise.abs().to(tensor.dtype), alpha=0.1)


def proved(drafts: Sequence[Draft], workplace: Path, formats: Collection[str]) -> list[Proofs]:
    """Prove each file in its way; graphs are written here too, from the network as it was kept."""
    found: list[Proofs] = [{} for _ in drafts]
    if "py" in formats:
        for proofs, proof in zip(found, prove(drafts, workplace), strict=True):
            proofs["py"] = proof
    for form in (form for form in FORMATS if form in formats):
        for proofs, one in zip(found, drafts, strict=True):
            with torch.random.fork_rng(devices=[]):
                network = rebuilt(one.original)(weights=str(one.weights))
            path = workplace / f"{one.name}.{form}"
            proofs[form] = save_graph(form, network, one.original.shape, path)
    return found


def kept(held: Draft, formats: Collection[str]) -> list[Path]:
    """Return the files that are exported; without a state there are none of weights."""
    endings = [ending for form, all_of in ENDINGS.items() if form in formats for ending in all_of]
    if held.original.state is None:
        return [file_of(held, ending) for ending in endings if ending.endswith(".py")]
    if "pth" in formats:
        torch.save(load_tensors(held.weights), file_of(held, ".pth"))
    return [file_of(held, ending) for ending in endings]


def file_of(held: Draft, ending: str) -> Path:
    """Return a file of a draft."""
    return held.source.with_name(f"{held.name}{ending}")


def install(name: str, files: Collection[Path], folder: Path) -> tuple[Path, ...]:
    """Put the files of an export in their place; what an earlier one had besides goes."""
    placed = tuple(moved(file, folder) for file in files)
    for old in files_of(name, folder):
        if old not in placed:
            old.unlink(missing_ok=True)
    return placed


def files_of(name: str, folder: Path) -> list[Path]:
    """Return all files that an export of this name can have."""
    return [folder / f"{name}{ending}" for endings in ENDINGS.values() for ending in endings]


def moved(file: Path, folder: Path) -> Path:
    """Move a file into a folder at once: a reader sees it whole or not at all."""
    target = folder / file.name
    beside = folder / f".{file.name}.draft"
    shutil.move(file, beside)
    return beside.replace(target)


def entry(held: Draft, files: Collection[Path], proofs: Proofs) -> Entry:
    """Return what the manifest says of one export."""
    original = held.original
    call = original.call(original.classes)
    return {
        "network": str(Expressions().call(call.func, call.args, call.keywords, "")),
        "input": list(original.shape),
        "classes": original.classes,
        "about": dict(original.about),
        "sha256": {file.name: digest_of(file) for file in files},
        "proof": proofs,
        "versions": versions(),
    }


def check_request(originals: Mapping[str, Original], formats: Collection[str]) -> None:
    """Refuse a name that no module can have or that another has, and formats that cannot be."""
    for name in originals:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise SpaceError(
                f"{name!r} cannot name a Python file that is imported; letters, digits and _ can"
            )
        if name in sys.stdlib_module_names or name in ("torch", *KEPT_OUT):
            raise SpaceError(f"{name!r} is another module's name; an import would find either")
    for form in formats:
        if form not in ENDINGS:
            raise SpaceError(f"there is no format {form!r}; there is {', '.join(ENDINGS)}")
        if "py" not in formats and form not in FORMATS:
            raise SpaceError(f"{form} goes with the .py, which is not asked for")
    check_installed([form for form in formats if form in FORMATS])
    trained = [form for form in formats if form != "py"]
    for name, original in originals.items():
        if trained and original.state is None:
            raise SpaceError(f"{name} has no weights, and {trained[0]} is nothing without them")


def check_folder(folder: Path, names: Collection[str], force: bool) -> None:
    """Refuse to write over what is there."""
    if folder.exists() and not folder.is_dir():
        raise SpaceError(f"{folder} is a file, not a folder")
    for path in (path for name in names for path in files_of(name, folder)):
        if path.exists() and not force:
            raise SpaceError(f"{path} is there already; --force replaces it")
