"""A local server for a board of studies: it only shows them."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Callable, Iterable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from nas.dashboard.artifacts import safe_artifacts
from nas.dashboard.board import Board
from nas.dashboard.guard import VARIABLE, guarded
from nas.dashboard.tie_break import ROUTE as TIE_BREAK
from nas.errors import ConfigError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PLAIN_PATH = re.compile(r"/|(/[A-Za-z0-9._~-]+)+/?")
NOTE = re.compile(r"/api/studies/\d+(/\d+)?/note")


class DashboardServer(ThreadingMixIn, WSGIServer):
    """A thread per request: one slow page does not hold up the others."""

    daemon_threads = True
    request_queue_size = 32


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a page polls every few seconds."""


def dashboard_server(
    board: Board,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    token: str = "",
    allow_remote: bool = False,
) -> DashboardServer:
    """The dashboard, bound to its port and ready for `serve_forever`.

    It is read-only except for notes, as the driver is the only writer of a study. Optuna Dashboard has no
    authentication, so listening on other addresses than this machine's requires a token or `allow_remote`.

    Args:
        board: the studies.
        host: address to bind to.
        port: 0 takes a free one, then in `server_port`.
        token: what each request must have, see `guarded`; empty asks for none.
        allow_remote: without a token, bind to an address that others can reach.

    Raises:
        ConfigError: the port is busy or not allowed, the host is no address of this machine, or the token is
            not usable.
    """
    if host not in LOOPBACK and not (token or allow_remote):
        raise ConfigError(
            f"host {host!r} lets everybody who can reach it read the study, there is no authentication: set "
            f"{VARIABLE}, use 127.0.0.1 (and an SSH tunnel), or --allow-remote behind an authenticating proxy"
        )
    app = _shielded(board, local=host in LOOPBACK and not allow_remote)
    app = guarded(app, token) if token else app
    server = _IPv6Server if ":" in host else DashboardServer
    try:
        return make_server(host, port, app, server_class=server, handler_class=_QuietHandler)
    except socket.gaierror as error:
        raise ConfigError(f"host {host!r} is not known: use 127.0.0.1") from error
    except (OSError, OverflowError) as error:
        raise unusable(error, host, port, "--port") from error


def unusable(error: OSError | OverflowError, host: str, port: int, flag: str) -> ConfigError:
    """Why a server can't listen on `port`, and what to give by `flag`."""
    reason = {
        errno.EADDRINUSE: f"port {port} on {host} is in use: stop what uses it or give another {flag}",
        errno.EACCES: f"port {port} is reserved for the administrator: give one above 1023 with {flag}",
        errno.EADDRNOTAVAIL: f"host {host!r} is no address of this machine: use 127.0.0.1",
    }
    known = reason.get(error.errno or 0) if isinstance(error, OSError) else None
    return ConfigError(known or f"{host}:{port} can't be used ({error}): give another {flag}")


def adopted_server(
    app: Callable[..., Iterable[bytes]], listening: socket.socket, token: str = ""
) -> DashboardServer:
    """The dashboard on a socket of loopback that listens already, with the guards of `dashboard_server`.

    Raises:
        ConfigError: the token is not usable.
    """
    host, port = listening.getsockname()[:2]
    server = DashboardServer((host, port), _QuietHandler, bind_and_activate=False)
    server.socket.close()
    server.socket, server.server_name, server.server_port = listening, host, port
    server.setup_environ()
    shielded = _shielded(app, local=True)
    server.set_app(guarded(shielded, token) if token else shielded)
    return server


class _IPv6Server(DashboardServer):
    address_family = socket.AF_INET6


def serve(
    board: Board,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    token: str = "",
    allow_remote: bool = False,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Run `dashboard_server` until Ctrl-C; `ready` is called with its URL once it answers."""
    with dashboard_server(board, host, port, token=token, allow_remote=allow_remote) as server:
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{server.server_port}/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def _shielded(app: Callable[..., Iterable[bytes]], *, local: bool) -> Any:
    """All that stands before a board: a WSGI wrapper for each concern."""
    return _plain_paths(_read_only(safe_artifacts(app), local=local))


def _plain_paths(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Wrap a WSGI app: paths with other characters than ours are refused.

    Those behind it drop what they can't decode, and would see another path than those before them.
    """

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not PLAIN_PATH.fullmatch(environ["PATH_INFO"]):
            return _refuse(start_response, "there is no such page", HTTPStatus.NOT_FOUND)
        return app(environ, start_response)

    return guarded


def _read_only(app: Callable[..., Iterable[bytes]], *, local: bool) -> Any:
    """Wrap a WSGI app: allow reading only, and when `local` only its own host name.

    The host name matters because of DNS rebinding: a foreign page could point its own name here.
    """

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        name = environ.get("HTTP_HOST", "").rpartition(":")[0] or environ.get("HTTP_HOST", "")
        if local and name.strip("[]") not in LOOPBACK:
            return _refuse(start_response, "open the dashboard as http://127.0.0.1")
        written = {"PUT": NOTE, "POST": TIE_BREAK}.get(method)  # what a page may change
        if method not in ("GET", "HEAD") and not (written and written.fullmatch(path)):
            return _refuse(
                start_response, "this dashboard only shows the study; use the nas- commands to change it"
            )
        return app(environ, start_response)

    return guarded


def _refuse(
    start_response: Callable[..., Any], reason: str, status: HTTPStatus = HTTPStatus.FORBIDDEN
) -> list[bytes]:
    start_response(f"{status.value} {status.phrase}", [("Content-Type", "application/json")])
    return [f'{{"reason": "{reason}"}}'.encode()]
