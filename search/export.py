"""Write networks as files that stand alone: one of Python, one of weights, and their proof."""

from __future__ import annotations

import keyword
import shutil
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from search.clean import KEPT_OUT, SEED
from search.expression import Expressions
from search.manifest import NAME, digest_of, read_manifest, write_manifest
from search.proof import Draft, ProofError, prove, sizes_taken
from search.standalone import Original, standalone
from search.trained import check_fit
from search.weights import load_tensors, save_tensors
from spaces import SpaceError

__all__ = ["Exported", "Original", "ProofError", "write"]

FORMATS = ("safetensors", "pth")


@dataclass(frozen=True)
class Exported:
    """The files of one export."""

    source: Path
    weights: tuple[Path, ...]
    manifest: Path


def write(
    originals: Mapping[str, Original],
    folder: Path,
    formats: Collection[str] = ("safetensors",),
    force: bool = False,
) -> list[Exported]:
    """Export networks by name: all of them, or none where one does not prove right."""
    for name in originals:
        check_name(name)
    check_folder(folder, originals, force)
    entries = read_manifest(folder)
    with TemporaryDirectory() as workplace:
        drafts = [draft(original, name, Path(workplace)) for name, original in originals.items()]
        proofs = prove(drafts, Path(workplace))
        folder.mkdir(parents=True, exist_ok=True)
        exported = [install(held, folder, formats) for held in drafts]
    for held, proof, files in zip(drafts, proofs, exported, strict=True):
        entries[held.name] = entry(held.original, files, proof)
    write_manifest(folder, entries)
    return exported


def draft(original: Original, name: str, workplace: Path) -> Draft:
    """Write a network down, with its weights or with some that no start has."""
    with torch.random.fork_rng(devices=[]):
        network = original.call(original.classes)().cpu()
        if original.state is None:
            stir(network)
        else:
            check_fit(network, original.state)
            network.load_state_dict(original.state)
        source = workplace / f"{name}.py"
        source.write_text(standalone(original, name, type(network)), encoding="utf-8")
        sizes = sizes_taken(network, original.shape)
    weights = workplace / f"{name}.safetensors"
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


def install(held: Draft, folder: Path, formats: Collection[str]) -> Exported:
    """Put proved files in their place."""
    source = moved(held.source, folder)
    for suffix in FORMATS:
        (folder / held.source.with_suffix(f".{suffix}").name).unlink(missing_ok=True)
    weights = []
    if held.original.state is not None:
        if "pth" in formats:
            pickled = held.weights.with_suffix(".pth")
            torch.save(load_tensors(held.weights), pickled)
            weights.append(moved(pickled, folder))
        weights.append(moved(held.weights, folder))
    return Exported(source, tuple(weights), folder / NAME)


def moved(file: Path, folder: Path) -> Path:
    """Move a file into a folder at once: a reader sees it whole or not at all."""
    target = folder / file.name
    beside = folder / f".{file.name}.draft"
    shutil.move(file, beside)
    return beside.replace(target)


def entry(original: Original, files: Exported, proof: Mapping[str, object]) -> dict[str, object]:
    """Return what the manifest says of one export."""
    call = original.call(original.classes)
    return {
        "network": str(Expressions().call(call.func, call.args, call.keywords, "")),
        "input": list(original.shape),
        "classes": original.classes,
        "about": dict(original.about),
        "sha256": {file.name: digest_of(file) for file in (files.source, *files.weights)},
        "proof": dict(proof),
    }


def check_name(name: str) -> None:
    """Refuse a name that no module can have, or that another module has."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise SpaceError(
            f"{name!r} cannot name a Python file that is imported; letters, digits and _ can"
        )
    if name in sys.stdlib_module_names or name in ("torch", *KEPT_OUT):
        raise SpaceError(f"{name!r} is another module's name; an import would find either")


def check_folder(folder: Path, names: Collection[str], force: bool) -> None:
    """Refuse to write over what is there."""
    if folder.exists() and not folder.is_dir():
        raise SpaceError(f"{folder} is a file, not a folder")
    for name in names:
        for suffix in ("py", *FORMATS):
            path = folder / f"{name}.{suffix}"
            if path.exists() and not force:
                raise SpaceError(f"{path} is there already; --force replaces it")
