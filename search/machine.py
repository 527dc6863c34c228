"""What this machine has to train with, told without importing torch where there is no GPU."""

from __future__ import annotations

import os
from pathlib import Path

DRIVER = Path("/proc/driver/nvidia/version")


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus(device: str) -> list[str]:
    """Name the GPUs that a device stands for, as CUDA_VISIBLE_DEVICES does."""
    if device == "cpu" or not (DRIVER.exists() or device.startswith("cuda")):
        return []
    import torch

    names = visible(torch.cuda.device_count(), os.environ.get("CUDA_VISIBLE_DEVICES"))
    _, _, index = device.partition(":")
    # one that is not there is refused by name when the training is prepared
    return names[int(index) :][:1] if index.isdigit() else names


def visible(count: int, names: str | None) -> list[str]:
    """Name the GPUs that torch counts: as CUDA_VISIBLE_DEVICES does, where it is set."""
    return names.split(",")[:count] if names else [str(index) for index in range(count)]
