"""A cluster that others have started: whether anybody is there, and what is said where not."""

from __future__ import annotations

import socket

from spaces import SpaceError

PATIENCE = 5.0
"""Seconds in which a machine that is there answers."""


def refuse_remote(address: str) -> None:
    """Refuse an address of a kind that is not joined but spoken to from afar."""
    if "://" in address:
        raise SpaceError(
            f"{address} is for remote control; run the command on a machine of the cluster and "
            "give --address auto"
        )


def answers(address: str) -> bool:
    """Tell whether anybody listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        return True
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except (OSError, OverflowError, UnicodeError):
        return False
    return True


def missing(address: str, error: Exception) -> SpaceError:
    """Return what to say where no cluster can be joined."""
    words = next(iter(str(error).splitlines()), "")
    return SpaceError(
        f"no cluster can be joined at {address} ({type(error).__name__}: {words}); "
        "see that it is up, that `ray start` has been run on this machine too, and that "
        "RAY_AUTH_MODE and the token are the cluster's"
    )


def silent(name: str, error: Exception) -> SpaceError:
    """Return what to say of a machine that does not do what it is asked."""
    return SpaceError(
        f"{name} does not answer ({type(error).__name__}); see that it is up and has this "
        "machine's Python and Ray, or take it out of the cluster"
    )
