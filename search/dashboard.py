"""Optuna's dashboard on the database of one study: for this machine alone, and to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from search.ledger import Ledger
from search.storage import database
from spaces import SpaceError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LOOKING = ("GET", "HEAD")

Respond = Callable[..., Any]
App = Callable[[dict[str, Any], Respond], Iterable[bytes]]


class Guard:
    """Lets through what only looks, and only what was meant for this machine.

    The dashboard asks nobody who they are: whoever reaches it could delete the study, and so could
    a page in the user's browser that has a name of its own point here.
    """

    def __init__(self, app: App, hosts: Iterable[str], may_edit: bool) -> None:
        self._app, self._hosts, self._may_edit = app, tuple(hosts), may_edit

    def __call__(self, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        """Answer a request, or say why not."""
        host = str(environ.get("HTTP_HOST", "")).rpartition(":")[0].strip("[]")
        if self._hosts and host not in self._hosts:
            return refuse(respond, f"this page answers to {' and '.join(self._hosts)}")
        if environ["REQUEST_METHOD"] not in LOOKING and not self._may_edit:
            return refuse(
                respond, "this page is for looking; --allow-edit lets it change the study"
            )
        return self._app(environ, respond)


def refuse(respond: Respond, words: str) -> list[bytes]:
    """Answer that something is not allowed, and why."""
    respond("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
    return [words.encode()]


class Server(ThreadingMixIn, WSGIServer):
    """Answers several requests at once; none of them keeps it from ending."""

    daemon_threads = True


class Handler(WSGIRequestHandler):
    """Answers without writing every request to the terminal."""

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


def serve(
    storage: str,
    host: str = "127.0.0.1",
    port: int = 8080,
    may_edit: bool = False,
    ready: Callable[[str], None] = print,
) -> None:
    """Serve the studies of a database until interrupted; `ready` is told where."""
    try:
        from optuna_dashboard import wsgi
    except ImportError as error:
        raise SpaceError(f"{error}; pip install optuna-dashboard") from None
    with closing(Ledger(database(storage), {})) as ledger:
        hosts = LOOPBACK if host in LOOPBACK else ()
        guard = Guard(wsgi(ledger.backend), hosts, may_edit)
        try:
            server = make_server(host, port, guard, Server, Handler)
        except OSError as error:
            raise SpaceError(
                f"{host}:{port}: {error.strerror}; choose another with --port, 0 for any"
            ) from None
        with server:
            ready(f"http://{host}:{server.server_port}/dashboard")
            server.serve_forever()
