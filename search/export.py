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

ALSO = ("pth",)
SUFFIXES = ("py", "safetensors", *ALSO)

Entry = dict[str, object]


@dataclass(frozen=True)
class Exported:
    """The files of one export."""

    source: Path
    weights: tuple[Path, ...]
    manifest: Path


def write(
    originals: Mapping[str, Original],
    folder: Path,
    also: Collection[str] = (),
    force: bool = False,
) -> list[Exported]:
    """Export networks by name: all of them, or none where one does not prove right.

    `also` are formats of the weights besides safetensors.
    """
    check_request(originals, also)
    check_folder(folder, originals, force)
    entries = read_manifest(folder)
    with TemporaryDirectory() as held:
        workplace = Path(held)
        drafts = [draft(original, name, workplace) for name, original in originals.items()]
        proofs = prove(drafts, workplace)
        weights = [kept_weights(one, also) for one in drafts]
        for one, files, proof in zip(drafts, weights, proofs, strict=True):
            entries[one.name] = entry(one, files, proof)
        write_manifest(workplace, entries)
        folder.mkdir(parents=True, exist_ok=True)
        exported = [install(one, files, folder) for one, files in zip(drafts, weights, strict=True)]
        moved(workplace / NAME, folder)
    return exported


def draft(original: Original, name: str, workplace: Path) -> Draft:
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
        source.write_text(standalone(original, name, type(network)), encoding="utf-8")
        sizes = sizes_taken(network, original.shape)
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


def kept_weights(held: Draft, also: Collection[str]) -> list[Path]:
    """Return the files of weights that are exported; without a state there are none."""
    if held.original.state is None:
        return []
    pickled = held.weights.with_suffix(".pth")
    if "pth" not in also:
        return [held.weights]
    torch.save(load_tensors(held.weights), pickled)
    return [held.weights, pickled]


def install(held: Draft, weights: Collection[Path], folder: Path) -> Exported:
    """Put the files of an export in their place; what an earlier one had besides goes."""
    source = moved(held.source, folder)
    placed = tuple(moved(file, folder) for file in weights)
    for old in (source.with_suffix(f".{kind}") for kind in SUFFIXES):
        if old not in (source, *placed):
            old.unlink(missing_ok=True)
    return Exported(source, placed, folder / NAME)


def moved(file: Path, folder: Path) -> Path:
    """Move a file into a folder at once: a reader sees it whole or not at all."""
    target = folder / file.name
    beside = folder / f".{file.name}.draft"
    shutil.move(file, beside)
    return beside.replace(target)


def entry(held: Draft, weights: Collection[Path], proof: Mapping[str, object]) -> Entry:
    """Return what the manifest says of one export."""
    original = held.original
    call = original.call(original.classes)
    return {
        "network": str(Expressions().call(call.func, call.args, call.keywords, "")),
        "input": list(original.shape),
        "classes": original.classes,
        "about": dict(original.about),
        "sha256": {file.name: digest_of(file) for file in (held.source, *weights)},
        "proof": dict(proof),
    }


def check_request(names: Collection[str], also: Collection[str]) -> None:
    """Refuse a name that no module can have or that another has, and an unknown format."""
    for name in names:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise SpaceError(
                f"{name!r} cannot name a Python file that is imported; letters, digits and _ can"
            )
        if name in sys.stdlib_module_names or name in ("torch", *KEPT_OUT):
            raise SpaceError(f"{name!r} is another module's name; an import would find either")
    if unknown := [kind for kind in also if kind not in ALSO]:
        raise SpaceError(
            f"there is no format {unknown[0]!r}; besides safetensors there is {', '.join(ALSO)}"
        )


def check_folder(folder: Path, names: Collection[str], force: bool) -> None:
    """Refuse to write over what is there."""
    if folder.exists() and not folder.is_dir():
        raise SpaceError(f"{folder} is a file, not a folder")
    for name in names:
        for suffix in SUFFIXES:
            path = folder / f"{name}.{suffix}"
            if path.exists() and not force:
                raise SpaceError(f"{path} is there already; --force replaces it")
