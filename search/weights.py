"""The safetensors format: a header of names, types, shapes and places, then the tensors' bytes.

https://github.com/huggingface/safetensors describes it. Nothing in such a file can run.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

SAFETENSORS_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def load_tensors(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file."""
    content = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    data = torch.frombuffer(content, dtype=torch.uint8)[start:]
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            # a copy, because the bytes of a tensor may start at any address
            flat = data[first:last].clone().view(SAFETENSORS_TYPES[entry["dtype"]])
            tensors[name] = flat.reshape(entry["shape"])
    return tensors


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors, the widest types first so that each starts at a multiple of its width."""
    names = {dtype: name for name, dtype in SAFETENSORS_TYPES.items()}
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    blocks = []
    end = 0
    for key in sorted(tensors, key=lambda key: (-tensors[key].element_size(), key)):
        tensor = tensors[key].detach().cpu().contiguous()
        if tensor.dtype not in names:
            raise ValueError(f"{key} is of {tensor.dtype}, which safetensors has no name for")
        start, end = end, end + tensor.nbytes
        header[key] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
        blocks.append(ctypes.string_at(tensor.data_ptr(), tensor.nbytes))
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(b"".join([len(head).to_bytes(8, "little"), head, *blocks]))
