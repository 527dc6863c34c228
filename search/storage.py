"""Where a study is kept, SQLite or PostgreSQL: opened with care, locked against other drivers."""

from __future__ import annotations

import fcntl
import re
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, create_engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from spaces import SpaceError

Result = TypeVar("Result")

WAIT = 60
"""Seconds that a write waits for another process to let go of the file."""
LOCK, LEASE = 20_108, 20_109
"""The two kinds of advisory locks that we take on a PostgreSQL server."""
OVER_NETWORK = re.compile(r"nfs4?|cifs|smb\w*|9p|afs|ceph|lustre|gpfs|beegfs|glusterfs|fuse\..+")
MOUNTS = Path("/proc/self/mountinfo")


def database(storage: str) -> Database:
    """Return the database that a path or a URL names."""
    scheme, separator, rest = storage.partition("://")
    if not separator:
        return SQLite(Path(storage))
    if scheme == "sqlite" and rest.startswith("/") and not rest.endswith(":memory:"):
        return SQLite(Path(rest[1:]))
    if re.fullmatch(r"postgresql(\+\w+)?", scheme):
        return PostgreSQL(storage)
    raise SpaceError(
        f"{hidden(storage)}: a study is kept in a file or on a PostgreSQL server; "
        "give a path, sqlite:///PATH or postgresql://USER@HOST/NAME"
    )


def existing(storage: str) -> Database:
    """Return a database to read; a file that is not there is not made."""
    found = database(storage)
    if isinstance(found, SQLite) and not found.path.exists():
        raise SpaceError(f"there is no study in {found.path.parent}: {found.path} is missing")
    return found


class SQLite:
    """A file with one writer at a time; the locks lie beside it."""

    pauses: tuple[float, ...] = ()

    def __init__(self, path: Path) -> None:
        if path.is_dir() or not path.parent.is_dir():
            what = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
            raise SpaceError(f"{path}: {what}")
        self.path = path
        self.shown = str(path)
        # not the file's, in which `?` and `{` would mean something; `creator` knows the file
        self.url = "sqlite:///study.db"
        self.arguments: Mapping[str, object] = {"creator": self.connect}
        self._over_network = is_over_network(path)
        self._lease: TextIOWrapper | None = None

    def connect(self) -> sqlite3.Connection:
        """Open the file; a write-ahead log is whole without a sync at every commit."""
        connection = sqlite3.connect(self.path, timeout=WAIT, check_same_thread=False)
        level = "FULL" if self._over_network else "NORMAL"
        connection.execute(f"PRAGMA synchronous = {level}")
        return connection

    def prepare(self) -> None:
        """Refuse what holds no study before anything is written to it."""
        with told(self.shown), closing(self.connect()) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {name for (name,) in found}
            if tables and "studies" not in tables:
                raise SpaceError(
                    f"{self.path} is a database of something else, it holds {min(tables)!r}; "
                    "a study needs a file of its own"
                )
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise SpaceError(f"{self.path} is damaged: {verdict.splitlines()[-1]}")
            # the log is memory that all writers share, which no network carries
            mode = "DELETE" if self._over_network else "WAL"
            connection.execute(f"PRAGMA journal_mode = {mode}")

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other drivers out for a moment."""
        with opened(self._beside("lock")) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def lease(self) -> str:
        """Take a lock that ends with this process, however it ends; return its name."""
        name = uuid.uuid4().hex[:8]
        self._lease = opened(self._beside(name))
        fcntl.flock(self._lease, fcntl.LOCK_EX)
        return name

    def is_held(self, lease: str) -> bool:
        """Tell whether the process that took a lease is alive; clear away what a dead one left."""
        if not re.fullmatch(r"[0-9a-f]{8}", lease):
            return False
        path = self._beside(lease)
        try:
            with path.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        path.unlink(missing_ok=True)
        return False

    def close(self) -> None:
        """Give the lease back."""
        if self._lease:
            Path(self._lease.name).unlink(missing_ok=True)
            self._lease.close()

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(f"{self.path.name}-{ending}")


class PostgreSQL:
    """A server that drivers on many machines write to; a lock ends with its connection."""

    pauses = (1.0, 2.0, 4.0, 8.0)

    def __init__(self, url: str) -> None:
        self.url = url
        self.shown = hidden(url)
        self.arguments: Mapping[str, object] = {"pool_pre_ping": True}
        self._number = uuid.uuid4().int % 10**9
        self._lease: Connection | None = None
        try:
            self._engine = create_engine(url, pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise SpaceError(f"{self.shown} needs the package {error.name}") from None

    def prepare(self) -> None:
        """Say in words why there is no connection."""
        with told(self.shown), self._engine.connect():
            pass

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other drivers out until the transaction ends."""
        if self._lease:
            self._take()
        with self._engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
            yield

    def lease(self) -> str:
        """Take a lock that ends with this process, however it ends; return its name."""
        self._take()
        return str(self._number)

    def is_held(self, lease: str) -> bool:
        """Tell whether the process that took a lease is alive."""
        if not re.fullmatch(r"\d{1,9}", lease):
            return False
        taken = func.pg_try_advisory_xact_lock(LEASE, int(lease))
        with self._engine.begin() as connection:
            return not connection.execute(select(taken)).scalar_one()

    def close(self) -> None:
        """Give the lease back."""
        if self._lease:
            self._lease.close()
        self._engine.dispose()

    def _take(self) -> None:
        """Take the lease unless it is there; a server that restarts forgets it."""
        if self._lease:
            with suppress(SQLAlchemyError):
                self._lease.execute(select(1))
                return
            self._lease.close()
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(select(func.pg_advisory_lock(LEASE, self._number)))
        self._lease = connection


Database = SQLite | PostgreSQL


def insist(store: Database, action: Callable[[], Result], *further: type[Exception]) -> Result:
    """Do what may be done twice, again after a pause where a server may come back."""
    for pause in store.pauses:
        with suppress(sqlite3.Error, SQLAlchemyError, *further):
            return action()
        time.sleep(pause)
    with told(store.shown, *further):
        return action()


@contextmanager
def told(shown: str, *further: type[Exception]) -> Iterator[None]:
    """Turn what a database complains of into one line that begins with its name."""
    faults: tuple[type[Exception], ...] = (sqlite3.Error, SQLAlchemyError, *further)
    try:
        yield
    except faults as error:
        raise SpaceError(f"{shown}: {fact(error)}") from error


def fact(error: BaseException) -> str:
    """Return the first line of what was first to complain."""
    while first := getattr(error, "orig", None) or error.__cause__:
        error = first
    text = str(error).strip().splitlines()
    return text[0] if text else type(error).__name__


def hidden(url: str) -> str:
    """Return a URL without its password."""
    url = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url)
    return re.sub(r"(password=)[^&]*", r"\1***", url)


def opened(path: Path) -> TextIOWrapper:
    """Open a file to hold a lock on."""
    try:
        return path.open("a")
    except OSError as error:
        raise SpaceError(f"{path}: {error.strerror}") from None


def is_over_network(path: Path, mounts: Path = MOUNTS) -> bool:
    """Tell whether a file lies on another machine; where the system does not say, it does not."""
    kinds: dict[Path, str] = {}
    for line in mounts.read_text().splitlines() if mounts.exists() else []:
        place, _, kind = line.partition(" - ")
        kinds[Path(place.split()[4].replace("\\040", " "))] = kind.split()[0]
    here = path.resolve()
    nearest = next((folder for folder in [here, *here.parents] if folder in kinds), None)
    return nearest is not None and bool(OVER_NETWORK.fullmatch(kinds[nearest]))
