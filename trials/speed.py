"""How long a network takes and how much memory it needs, measured on one device."""

from __future__ import annotations

import gc
import platform
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from trials.device import choose
from trials.meta import separate, uncollected

WINDOW = 5
"""Passes that are looked at together while warming up."""
WINDOWS = 40
STEADY = 0.05
"""How far the medians of two windows may lie apart once it is warm."""
REPEATS = 30
SECONDS = 1.0
"""At least so many passes and so long; short ones are repeated more often."""
MOST = 1000
CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Speed:
    """Evaluated in fp32 with nothing else to do; whoever measures sees to it that it is alone.

    `latency` is the median of the passes in seconds, `throughput` images a second at that. `memory`
    is the most bytes that tensors held at once, weights included: on a GPU as its allocator has it,
    on a CPU without what a kernel needs inside itself.
    """

    latency: float
    lowest: float
    highest: float
    throughput: float
    memory: int
    batch: int
    repeats: int
    device: str
    threads: int


def speed(
    build: Callable[[], nn.Module], shape: Sequence[int], batch: int = 1, device: str = "cpu"
) -> Speed:
    """Measure a network of (c, h, w) images; a ValueError says why a device cannot be had."""
    if batch < 1:
        raise ValueError(f"batch = {batch} is not a whole number from 1 up")
    chosen = choose(device)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(0)
        network = separate(build).eval()
        images = torch.randn(batch, *shape)
    network, images = network.to(chosen), images.to(chosen)
    on_gpu = chosen.type == "cuda"
    memory = memory_on_gpu(network, images) if on_gpu else memory_on_cpu(network, images)
    once = partial(time_on_gpu if on_gpu else time_on_cpu, network, images)
    gc.collect()
    with torch.no_grad(), uncollected():
        warm_up(once)
        times = repeat(once)
    latency = median(times)
    return Speed(
        latency,
        min(times),
        max(times),
        batch / latency,
        memory,
        batch,
        len(times),
        name_of(chosen),
        torch.get_num_threads(),
    )


def warm_up(once: Callable[[], float]) -> None:
    """Run until the time of a pass no longer changes; on a busy machine it never settles."""
    before = median(once() for _ in range(WINDOW))
    for _ in range(WINDOWS):
        now = median(once() for _ in range(WINDOW))
        if abs(now - before) <= STEADY * before:
            return
        before = now


def repeat(once: Callable[[], float]) -> list[float]:
    """Return the times of enough passes for a median."""
    times: list[float] = []
    while len(times) < REPEATS or (sum(times) < SECONDS and len(times) < MOST):
        times.append(once())
    return times


def time_on_cpu(network: nn.Module, images: Tensor) -> float:
    """Return the seconds of a pass."""
    start = time.perf_counter()
    network(images)
    return time.perf_counter() - start


def time_on_gpu(network: nn.Module, images: Tensor) -> float:
    """Return the seconds of a pass between two events of the GPU's own clock."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize(images.device)
    start.record(torch.cuda.current_stream(images.device))
    network(images)
    end.record(torch.cuda.current_stream(images.device))
    end.synchronize()
    return float(start.elapsed_time(end)) / 1000


def memory_on_gpu(network: nn.Module, images: Tensor) -> int:
    """Return the peak of a pass over what stays, plus the weights and the images."""
    with torch.no_grad():
        # libraries keep what they allocate for themselves in a first pass
        network(images)
        stays = torch.cuda.memory_allocated(images.device)
        torch.cuda.reset_peak_memory_stats(images.device)
        network(images)
    own = [*network.parameters(), *network.buffers(), images]
    size = sum(tensor.numel() * tensor.element_size() for tensor in own)
    return torch.cuda.max_memory_allocated(images.device) - stays + size


def memory_on_cpu(network: nn.Module, images: Tensor) -> int:
    """Return the peak of a pass, from the tensors that are alive after each operator.

    What the system says of a process hides it: the memory of earlier passes is used again.
    """
    held = Held([*network.parameters(), *network.buffers(), images])
    with torch.no_grad(), held:
        network(images)
    return held.peak


class Held(TorchDispatchMode):
    """Follows how many bytes are held by the storages seen so far."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.held = self.peak = 0
        self.known: set[int] = set()
        self.see(tensors)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # as in trials.count: torch would import its compiler to keep it away
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operator and see what it returns."""
        out = func(*args, **(kwargs or {}))
        self.see([leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)])
        return out

    def see(self, tensors: Sequence[Tensor]) -> None:
        """Add the storages that are new, until they are given back."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage._cdata not in self.known:
                self.known.add(storage._cdata)
                self.held += storage.nbytes()
                weakref.finalize(storage, self.forget, storage._cdata, storage.nbytes())
        self.peak = max(self.peak, self.held)

    def forget(self, key: int, size: int) -> None:
        """Take off a storage that is gone."""
        self.known.discard(key)
        self.held -= size


def name_of(device: torch.device) -> str:
    """Return the name of a GPU or of this machine's processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
