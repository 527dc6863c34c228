"""Files of tensors that are whole or not there: a training's last states, and its weights."""

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypedDict, cast

import torch
from torch import nn

from trials.epoch import Epoch
from trials.parallel import rank

MARK = b"attention-search state 1\n"
KEPT = 2
WEIGHTS = "weights.state"
FINISHED = "finished.state"


class DamagedError(ValueError):
    """A file that is not what was once written, or that holds more than tensors and numbers."""


class Kept(TypedDict):
    """What a file of a training's state holds."""

    identity: dict[str, str]
    curve: list[dict[str, object]]
    state: dict[str, object]


class Checkpoint:
    """The last states of one training, in a folder of its own.

    `state` is what the newest whole file holds and `curve` the epochs up to it; `remarks` say
    which files were not whole. A training that goes on starts from there, and any loop may save.
    `identity` names the training: a folder of another one is refused. One that `is_finished` has
    its whole curve, for whoever was killed before hearing of it.
    """

    def __init__(self, folder: Path, identity: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.identity = dict(identity or {})
        self.state: Mapping[str, object] | None = None
        self.curve: list[Epoch] = []
        self.remarks: list[str] = []
        self.damaged: list[Path] = []
        self.is_finished = False
        for path in [*self.folder.glob(FINISHED), *self._paths()]:
            try:
                kept = cast(Kept, read(path))
            except DamagedError as error:
                self.remarks.append(str(error))
                self.damaged.append(path)
                continue
            self._check(kept["identity"])
            self.state = kept["state"]
            # fields as `save` wrote them
            self.curve = [Epoch(**fields) for fields in kept["curve"]]  # type: ignore[arg-type]
            self.is_finished = path.name == FINISHED
            return

    def save(self, epoch: Epoch, state: Mapping[str, object]) -> None:
        """Keep the state after an epoch, and the one before; one process of a trial writes."""
        if rank() > 0:
            return
        self.curve.append(epoch)
        curve = [asdict(entry) for entry in self.curve]
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"epoch-{epoch.number:05}.state"
        write(path, {"identity": self.identity, "curve": curve, "state": dict(state)})
        for bad in self.damaged:
            if bad != path:
                bad.unlink(missing_ok=True)
        self.damaged.clear()
        for old in self._paths()[KEPT:]:
            old.unlink()

    def finish(self, weights: Mapping[str, object], curve: Sequence[Epoch] = ()) -> None:
        """End the training: its weights and its curve stay, its states do not."""
        if rank() > 0:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        write(self.folder / WEIGHTS, weights)
        epochs = [asdict(entry) for entry in curve]
        write(self.folder / FINISHED, {"identity": self.identity, "curve": epochs, "state": {}})
        for path in [*self._paths(), *self.folder.glob("*.tmp")]:
            path.unlink()

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-*.state"), reverse=True)

    def _check(self, kept: Mapping[str, str]) -> None:
        for name, ours in self.identity.items():
            if kept.get(name) != ours:
                raise ValueError(
                    f"{self.folder} holds a training with {name} = {kept.get(name)}, "
                    f"this one has {name} = {ours}; give it a folder of its own"
                )


def write(path: Path, state: Mapping[str, object]) -> None:
    """Put tensors and plain values into a file with a hash, at once or not at all."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getbuffer()
    draft = path.with_suffix(".tmp")
    try:
        with draft.open("wb") as file:
            file.write(MARK + hashlib.sha256(content).digest())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    settle(path.parent)


def read(path: Path) -> dict[str, object]:
    """Return what `write` was given; a file that differs by a bit raises `DamagedError`."""
    head, content = len(MARK) + hashlib.sha256().digest_size, path.read_bytes()
    if not content.startswith(MARK):
        raise DamagedError(f"{path.name} is not a file of states")
    if hashlib.sha256(content[head:]).digest() != content[len(MARK) : head]:
        raise DamagedError(f"{path.name} is torn: its content does not match its hash")
    try:
        state = torch.load(io.BytesIO(content[head:]), map_location="cpu", weights_only=True)
    except Exception as error:  # a crafted file can raise anything
        raise DamagedError(f"{path.name} holds more than tensors and plain values") from error
    if not isinstance(state, dict):
        raise DamagedError(f"{path.name} holds a {type(state).__name__}, not a state")
    return state


def settle(folder: Path) -> None:
    """Make a new name in a folder last, where the system lets a folder be synced."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def expected_size(network: nn.Module, optimizer: str, ema: bool) -> tuple[int, int]:
    """Return the bytes of a training's states while it runs, and of its weights afterwards."""
    weights = sum(value.nbytes for value in network.state_dict().values())
    trained = sum(weight.nbytes for weight in network.parameters())
    moments = {"sgd": 1, "adamw": 2}[optimizer] * trained
    return KEPT * (weights + moments + weights * ema), weights
