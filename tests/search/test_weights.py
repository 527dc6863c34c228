"""The safetensors format byte by byte, and states from files that are not what they should be."""

import json
import pickle
import struct
from pathlib import Path

import pytest
import torch
from torch import Tensor

from search.manifest import digest_of, write_manifest
from search.trained import state_of
from search.weights import SAFETENSORS_TYPES, load_tensors, save_tensors
from spaces import SpaceError
from trials import checkpoint

TENSORS = {
    "weight": torch.tensor([[1.0, -2.0], [0.5, float("inf")]]),
    "steps": torch.tensor(7),
    "empty": torch.empty(0, 3),
    "flags": torch.tensor([True, False, True]),
    "half": torch.tensor([1.5, -0.25]).bfloat16(),
}


def packed(header: dict[str, object], data: bytes) -> bytes:
    """A file as the format's description has it: length, header, data."""
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + data


def alike(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(one[name], other[name])
        and (one[name].dtype, one[name].shape) == (other[name].dtype, other[name].shape)
        for name in one
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    tensors = {**TENSORS, "turned": torch.arange(6).reshape(2, 3).t()}

    save_tensors(tmp_path / "x.safetensors", tensors)

    assert alike(load_tensors(tmp_path / "x.safetensors"), tensors)


@pytest.mark.parametrize("name", SAFETENSORS_TYPES)
def test_every_type_is_read_back(name: str, tmp_path: Path) -> None:
    tensors = {"x": torch.tensor([0, 1, 1, 0]).to(SAFETENSORS_TYPES[name])}

    save_tensors(tmp_path / "x.safetensors", tensors)

    assert alike(load_tensors(tmp_path / "x.safetensors"), tensors)


def test_a_file_made_by_hand_is_read(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"made": "by hand"},
        "b": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        "a": {"dtype": "F32", "shape": [2, 1], "data_offsets": [1, 9]},
    }
    path = tmp_path / "x.safetensors"
    path.write_bytes(packed(header, b"\x05" + struct.pack("<2f", 1.5, -2.0)))

    tensors = load_tensors(path)

    assert alike(
        tensors, {"b": torch.tensor([5], dtype=torch.uint8), "a": torch.tensor([[1.5], [-2.0]])}
    )


def test_a_written_file_is_laid_out_as_the_format_asks(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"

    save_tensors(path, TENSORS)

    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__")
    places = [entry["data_offsets"] for entry in header.values()]
    assert length % 8 == 0
    assert [start for start, _ in places] == [0, *(end for _, end in places[:-1])]
    assert len(content) == 8 + length + places[-1][1]
    first, last = (8 + length + place for place in header["weight"]["data_offsets"])
    assert struct.unpack("<4f", content[first:last]) == (1.0, -2.0, 0.5, float("inf"))
    for entry in header.values():
        assert not entry["data_offsets"][0] % SAFETENSORS_TYPES[entry["dtype"]].itemsize


def test_a_type_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"x is of torch\.complex64, which safetensors has no"):
        save_tensors(tmp_path / "x.safetensors", {"x": torch.zeros(1, dtype=torch.complex64)})


@pytest.mark.parametrize("suffix", [".safetensors", ".pth", ".state"])
def test_a_state_is_read_from_each_kind_of_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{suffix}"
    writers = {
        ".safetensors": save_tensors,
        ".pth": lambda path, state: torch.save(state, path),
        ".state": checkpoint.write,
    }

    writers[suffix](path, TENSORS)

    assert alike(state_of(path), TENSORS)


class Bomb:
    """A pickle that leaves a trace when it is run."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.trace,))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".state"])
def test_nothing_runs_in_a_hostile_file(suffix: str, tmp_path: Path) -> None:
    path, trace = tmp_path / f"x{suffix}", tmp_path / "trace"
    if suffix == ".pth":
        torch.save({"x": Bomb(trace)}, path)
    elif suffix == ".state":
        checkpoint.write(path, {"x": Bomb(trace)})
    else:
        path.write_bytes(pickle.dumps(Bomb(trace)))

    with pytest.raises(SpaceError, match="holds more than"):
        state_of(path)

    assert not trace.exists()


def test_a_flipped_bit_in_a_trials_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.state"
    checkpoint.write(path, TENSORS)
    flip(path)

    with pytest.raises(SpaceError, match=r"weights\.state is torn"):
        state_of(path)


def test_a_flipped_bit_in_exported_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_tensors(path, TENSORS)
    write_manifest(tmp_path, {"x": {"sha256": {path.name: digest_of(path)}}})
    flip(path)

    with pytest.raises(SpaceError, match=r"its sha256 is not manifest\.json's"):
        state_of(path)


def flip(path: Path) -> None:
    """Change the last bit of a file."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 7,
        struct.pack("<Q", 3) + b"[1]",
        packed({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"\x00" * 4),
        packed({"x": {"dtype": "F33", "shape": [1], "data_offsets": [0, 4]}}, b"\x00" * 4),
        packed({"x": {"dtype": "F32", "shape": [9], "data_offsets": [0, 4]}}, b"\x00" * 4),
        packed({"x": 5}, b""),
    ],
)
def test_a_damaged_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)

    with pytest.raises(SpaceError, match="is damaged, or holds more than tensors"):
        state_of(path)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("x.txt", "is none of .safetensors, .pth, .state"),
        ("x.pth", "there is no file"),
    ],
)
def test_a_file_that_holds_no_state_is_refused(name: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=told):
        state_of(tmp_path / name)


def test_a_file_of_more_than_a_state_is_refused(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "state": TENSORS}, tmp_path / "x.pth")

    with pytest.raises(SpaceError, match="is not a state: it holds more than names and their"):
        state_of(tmp_path / "x.pth")
