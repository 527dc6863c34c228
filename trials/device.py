"""Which device a trial runs on, and in which precision it runs fastest there."""

import ctypes
import platform
from pathlib import Path

import torch
from torch import Tensor, nn

DRIVER = Path("/proc/driver/nvidia/version")
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Names of `mallopt`, from glibc's malloc.h."""
DTYPES = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
    "fp64": torch.float64,
}


def choose(name: str = "auto", driver: Path = DRIVER) -> torch.device:
    """Return the device of that name; `auto` is a GPU where there is one.

    A GPU that the system has and torch cannot use is refused unless the CPU was asked for: a
    search that silently takes a hundred times as long helps nobody.
    """
    if name == "cpu":
        return torch.device("cpu")
    if name != "auto" and name.partition(":")[0] != "cuda":
        raise ValueError(f"device = {name!r} is not one of 'auto', 'cpu', 'cuda', 'cuda:N'")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count and (driver.exists() or name != "auto"):
        raise ValueError(f"{_missing(driver)}; or ask for device cpu")
    if not count:
        return torch.device("cpu")
    index = int(name.partition(":")[2] or 0)
    if index >= count:
        raise ValueError(f"device = {name!r} is not there; this machine has {count}, from cuda:0")
    return torch.device("cuda", index)


def team(name: str, processes: int) -> list[torch.device]:
    """Return a device for each process of a trial: GPUs from the first one on, or CPU shares."""
    if processes < 1:
        raise ValueError(f"processes = {processes} trains nothing; it is 1 or more")
    first = choose(name)
    if processes == 1 or first.type == "cpu":
        return [first] * processes
    if ":" in name:
        raise ValueError(f"device = {name!r} is one GPU; {processes} processes take 'cuda'")
    if processes > torch.cuda.device_count():
        raise ValueError(f"{processes} processes need a GPU each; {torch.cuda.device_count()} here")
    return [torch.device("cuda", index) for index in range(processes)]


def noise(device: torch.device) -> list[Tensor]:
    """Return the states of the random numbers that modules draw on this device."""
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def set_noise(device: torch.device, states: list[Tensor]) -> None:
    """Go back to states that `noise` returned."""
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)


def _missing(driver: Path) -> str:
    torch_is = f"torch {torch.__version__}"
    if not driver.exists():
        return f"no GPU is to be seen here by {torch_is}"
    version = driver.read_text().partition("\n")[0].strip()
    built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
    return (
        f"there is a GPU, and {torch_is}, {built}, cannot use it with this driver ({version}); "
        "update the driver or install a torch built for it (pytorch.org/get-started)"
    )


def precision(asked: str, device: torch.device) -> torch.dtype:
    """Return the dtype of the products: half where asked for, or where `auto` finds it faster."""
    if asked != "auto":
        return DTYPES[asked]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float16
    return torch.bfloat16 if quick_bf16() else torch.float32


def quick_bf16() -> bool:
    """Tell whether this CPU multiplies bf16; one that has to emulate it is slower than in fp32."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def lay_out(network: nn.Module, device: torch.device, dtype: torch.dtype) -> torch.memory_format:
    """Put a network on the device in the layout that is fastest there, and return the layout.

    Channels last is, by a quarter in fp32 on a CPU, and for half precision on a GPU.
    """
    network.to(device, torch.float64 if dtype == torch.float64 else torch.float32)
    if device.type == "cuda" and dtype.itemsize > 2:
        return torch.contiguous_format
    for weight in network.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return torch.channels_last


def keep_freed_memory(device: torch.device) -> None:
    """Let this process keep the memory that tensors on a CPU leave, for the next step to use again.

    glibc hands large blocks back to the system as soon as they are free, and every step then waits
    for the same pages again: a tenth of its time in bf16, a fifth in fp32.
    """
    if device.type == "cpu" and platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        for threshold in (TRIM_THRESHOLD, MMAP_THRESHOLD):
            mallopt(threshold, 2**30)
