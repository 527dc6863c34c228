"""Several processes for one trial: each trains on its part of every batch, gradients are added."""

import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

import torch
from torch import Tensor, distributed

from trials.epoch import Epoch
from trials.faults import TrialError, fault

Loop = Callable[[torch.device], Iterator[Epoch]]
Message = Epoch | TrialError | None


def rank() -> int:
    """Return which of a trial's processes this is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def world() -> int:
    """Return how many processes train this trial together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


@torch.no_grad()
def add_up(tensors: Iterable[Tensor]) -> None:
    """Replace tensors by their sums over all processes, in one message."""
    tensors = list(tensors)
    if world() == 1 or not tensors:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(flat)
    parts = flat.split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))


@torch.no_grad()
def agree(tensors: Iterable[Tensor]) -> None:
    """Give every process the first one's tensors."""
    if world() > 1:
        for tensor in tensors:
            distributed.broadcast(tensor.detach(), 0)


def gathered(value: list[Tensor]) -> list[list[Tensor]]:
    """Return what each process holds, by rank."""
    values = [value] * world()
    if world() > 1:
        distributed.all_gather_object(values, value)
    return values


def train_together(loop: Loop, devices: list[torch.device]) -> Iterator[Epoch]:
    """Start a process per device, yield the first one's epochs; a fault of any ends them all."""
    spawn = multiprocessing.get_context("spawn")
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as folder:
        running: dict[Connection, SpawnProcess] = {}
        try:
            for rank in range(len(devices)):
                here, there = spawn.Pipe(duplex=False)
                member = Member(rank, devices, threads, Path(folder) / "meeting")
                process = spawn.Process(target=_work, args=(member, there, loop), daemon=True)
                process.start()
                there.close()
                running[here] = process
            yield from _epochs(running)
        finally:
            for process in running.values():
                process.kill()
                process.join()


def _epochs(members: dict[Connection, SpawnProcess]) -> Iterator[Epoch]:
    running = set(members)
    while running:
        # a process that died comes first: the others only miss it
        ready = running.intersection(wait(running))
        for pipe in sorted(ready, key=lambda pipe: members[pipe].is_alive()):
            message = _received(pipe, members[pipe])
            if isinstance(message, TrialError):
                raise message
            if isinstance(message, Epoch):
                yield message
            else:
                running.remove(pipe)


def _received(pipe: Connection, process: SpawnProcess) -> Message:
    try:
        message: Message = pipe.recv()
    except EOFError as error:
        process.join()
        reason = f"a process of the trial died with exit code {process.exitcode}"
        raise TrialError("failed", reason) from error
    return message


@dataclass(frozen=True)
class Member:
    """One process of a trial, and what it must know of the others."""

    rank: int
    devices: list[torch.device]
    threads: int
    meeting: Path

    def join(self) -> None:
        """Meet the others."""
        device = self.devices[self.rank]
        if device.type == "cuda":
            torch.cuda.set_device(device)
        # all processes are on this machine, whatever its own name resolves to
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        torch.set_num_threads(self.threads)
        distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            init_method=self.meeting.as_uri(),
            rank=self.rank,
            world_size=len(self.devices),
        )


def _work(member: Member, pipe: Connection, loop: Loop) -> None:
    # Ctrl-C reaches the whole group; whoever started us decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        member.join()
        for epoch in loop(member.devices[member.rank]):
            if member.rank == 0:
                pipe.send(epoch)
        pipe.send(None)
        distributed.destroy_process_group()
    except BaseException as error:
        pipe.send(fault(error))
        # to leave now would give the others a fault of their own
        threading.Event().wait()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
