"""A worker's process: started lean, spoken to through a pipe, killed with all it has started.

Nothing here imports torch, so that a driver and its workers can import it at the same time.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from queue import SimpleQueue
from threading import TIMEOUT_MAX, Thread
from typing import Any

from search.job import Answer, Event, Finished, Job, Timing

OUTPUT = "output.txt"
START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from search.child import serve; serve(int(sys.argv[2]))"
)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
LATE = 5.0
"""Seconds beyond its time in which a training should have ended by itself."""
LAST = 1.0
"""Seconds that a process may take to leave once its pipe has ended."""


class Child:
    """A Python process in a process group of its own, that serves until its pipe ends.

    It is a fresh one with this one's paths. A fork would share locks and a GPU, and
    multiprocessing would run the main script again, though a worker needs nothing of it.
    """

    def __init__(self, gpu: str) -> None:
        self.pipe, there = Pipe()
        with there:
            handle = there.fileno()
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-u", "-X", "faulthandler", "-c", START),
                    *(json.dumps(list(map(str, sys.path))), str(handle)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "CUDA_VISIBLE_DEVICES": gpu} if gpu else None,
                pass_fds=[handle],
                process_group=0,
            )

    @property
    def number(self) -> int:
        """The number the system gave the process."""
        return self._process.pid

    def send(self, message: Job | Timing | Answer) -> None:
        """Say something; that a process has gone is told by the end of its pipe alone."""
        with suppress(OSError):
            self.pipe.send(message)

    def hear(self) -> Event:
        """Return what was said; EOFError or OSError where the process has gone."""
        event: Event = self.pipe.recv()
        return event

    def buried(self) -> str:
        """Say how a process that has ended its pipe came to its end."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST)
        return self.killed()

    def killed(self) -> str:
        """Kill the process and all it has started, and say how it came to its end."""
        self.pipe.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def serve(handle: int) -> None:
    """Do one job after another, in a process of its own, until the other side has gone."""
    # whoever started us decides what a signal means; clusters send them to every process
    for name in SIGNALS:
        signal.signal(name, signal.SIG_IGN)
    os.set_inheritable(handle, False)
    pipe = Connection(handle)
    # processes that read images are forked, and would keep the pipe of a dead worker open
    os.register_at_fork(after_in_child=pipe.close)
    inbox: SimpleQueue[Any] = SimpleQueue()
    Thread(target=listen, args=(pipe, inbox), daemon=True).start()
    # what takes long comes when signals and the other side are already looked after
    from search.worker import Bench, failed, paces, usable, work

    bench = Bench()
    if inbox.empty():
        # the first optimiser imports this, for a second; better while there is nothing to do
        import torch._dynamo  # noqa: F401
    # an answer that no job waits for means that there will be no other job
    while usable() and isinstance(asked := inbox.get(), Job | Timing):
        if isinstance(asked, Timing):
            pipe.send(paces(asked.jobs, bench))
            continue
        try:
            with recorded(Path(asked.folder), asked.seconds):
                for event in work(asked, bench, inbox.get):
                    if not isinstance(event, Finished):
                        pipe.send(event)
        except OSError as error:
            event = failed(asked, error)
        # nothing changes in the job's folder once its end is told
        pipe.send(event)


def listen(pipe: Connection, inbox: SimpleQueue[Any]) -> None:
    """Take in what is sent; when the other side has gone, leave with all that was started here."""
    with suppress(EOFError, OSError):
        while True:
            inbox.put(pipe.recv())
    os.killpg(os.getpgrp(), signal.SIGKILL)


@contextmanager
def recorded(folder: Path, seconds: float) -> Iterator[None]:
    """Write what is printed into the folder, also where it crashes and where it hangs."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / OUTPUT
    with path.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if seconds < TIMEOUT_MAX - LATE:
        faulthandler.dump_traceback_later(seconds + LATE / 2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        with suppress(OSError):
            if not path.stat().st_size:
                path.unlink()
