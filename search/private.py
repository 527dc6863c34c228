"""What a cluster of one's own takes of this machine: a folder, a token, what a signal means."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

QUIET = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}
"""What Ray reads, some of it when it is imported.

It neither prints nor calls home, keeps no files of its own, and a call after the end starts no
other cluster.
"""
TOKENS = ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")
PREFIX = "attention-search-"
LOCK = "driver.lock"
LONGEST = 40
"""Characters a temporary folder's path may have: sockets lie deep in it, and theirs are short."""


class PrivateFolder:
    """A temporary folder that no other user can read; it is held until it is removed.

    One that nobody holds any more is removed by the next.
    """

    def __init__(self) -> None:
        usual = tempfile.gettempdir()
        place = Path(usual if len(usual) <= LONGEST else "/tmp")
        for old in place.glob(f"{PREFIX}*"):
            with suppress(OSError):
                if is_ours(old) and (lock := held(old)):
                    shutil.rmtree(old, ignore_errors=True)
                    lock.close()
        # it has its name only once it is held: the next one may look at any moment
        made = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=place))
        self._lock = held(made)
        self.path = made.rename(place / made.name.removeprefix("."))

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock:
            self._lock.close()


def is_ours(folder: Path) -> bool:
    """Tell whether a folder is this user's; a link to one may be anybody's."""
    return not folder.is_symlink() and folder.stat().st_uid == os.getuid()


def held(folder: Path) -> IO[bytes] | None:
    """Hold a folder; nothing comes of it where a living process does."""
    lock = (folder / LOCK).open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def take_token() -> None:
    """Give this process and its children a token, where the user has none.

    Ray would write one into a file that every user of the machine can read.
    """
    known = Path("~/.ray/auth_token").expanduser().exists() or any(map(os.environ.get, TOKENS))
    if not known:
        os.environ[TOKENS[0]] = secrets.token_hex(32)


@contextmanager
def sigterm_kept() -> Iterator[None]:
    """Give back what SIGTERM meant before: Ray takes it for itself."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
