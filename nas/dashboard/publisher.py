"""Optuna Dashboard for a study: our Pareto plot and note, and a local server."""

from __future__ import annotations

import errno
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from optuna.storages import BaseStorage
from optuna_dashboard import save_note, save_plotly_graph_object, wsgi

from nas.dashboard.plots import note, pareto_figure
from nas.errors import ConfigError
from nas.study import artifact_store

if TYPE_CHECKING:
    from nas.study import StudyStore

FIGURE_ID = "fid-against-macs"
"""Id of our plot in a study; publishing again replaces the plot."""

log = logging.getLogger(__name__)

REFRESH_SECONDS = 5.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def publish(store: StudyStore, budget_macs: float | None = None) -> None:
    """Put the plot and a note with the best student into the study, where Optuna Dashboard shows both."""
    save_plotly_graph_object(store.study, pareto_figure(store, budget_macs), graph_object_id=FIGURE_ID)
    save_note(store.study, note(store, budget_macs))


class Publisher:
    """Updates plot and note while the dashboard runs, so that drivers don't load plotting libraries."""

    def __init__(self, store: StudyStore, budget_macs: float | None = None) -> None:
        self._store, self._budget_macs = store, budget_macs
        self._shown = -1  # finished trials at the last publication
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="publisher", daemon=True)

    def __enter__(self) -> Self:
        self.refresh()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(timeout=REFRESH_SECONDS)

    def refresh(self) -> None:
        """Publish again if trials have finished since the last time."""
        trials = self._store.study.get_trials(deepcopy=False)
        finished = sum(trial.state.is_finished() for trial in trials)
        if finished != self._shown:
            publish(self._store, self._budget_macs)
            self._shown = finished

    def _keep(self) -> None:
        while not self._ended.wait(REFRESH_SECONDS):
            try:
                self.refresh()
            except Exception as error:  # a busy database: keep the page, and try again
                log.warning("the plot could not be brought up to date, trying again: %s", error)


class DashboardServer(ThreadingMixIn, WSGIServer):
    """A thread per request: one slow page does not hold up the others."""

    daemon_threads = True
    request_queue_size = 32


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a page polls every few seconds."""


def dashboard_server(
    storage: BaseStorage,
    artifacts: Path,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    allow_remote: bool = False,
) -> DashboardServer:
    """The dashboard, bound to its port and ready for `serve_forever`.

    It is read-only except for notes, as the driver is the only writer of a study. Optuna Dashboard has no
    authentication, so listening on other addresses than this machine's requires `allow_remote`.

    Args:
        storage: `store.storage`, or any of Optuna's.
        artifacts: folder of the study's artifacts.
        host: address to bind to.
        port: 0 takes a free one, then in `server_port`.
        allow_remote: bind to an address that others can reach.

    Raises:
        ConfigError: the port is busy or not allowed, or the host is no address of this machine.
        WorkdirError: `artifacts` can't be written.
    """
    if host not in LOOPBACK and not allow_remote:
        raise ConfigError(
            f"host {host!r} lets everybody who can reach it read the study, there is no authentication: use "
            "127.0.0.1 (and an SSH tunnel), or --allow-remote behind an authenticating proxy"
        )
    app = _read_only(wsgi(storage, artifact_store=artifact_store(artifacts)), local=not allow_remote)
    server = _IPv6Server if ":" in host else DashboardServer
    try:
        return make_server(host, port, app, server_class=server, handler_class=_QuietHandler)
    except socket.gaierror as error:
        raise ConfigError(f"host {host!r} is not known: use 127.0.0.1") from error
    except (OSError, OverflowError) as error:
        reason = {
            errno.EADDRINUSE: f"port {port} on {host} is in use: stop what uses it or give another --port",
            errno.EACCES: f"port {port} is reserved for the administrator: give one above 1023 with --port",
            errno.EADDRNOTAVAIL: f"host {host!r} is no address of this machine: use 127.0.0.1",
        }
        known = reason.get(error.errno or 0) if isinstance(error, OSError) else None
        raise ConfigError(known or f"{host}:{port} can't be used ({error}): give another --port") from error


class _IPv6Server(DashboardServer):
    address_family = socket.AF_INET6


def serve(
    storage: BaseStorage,
    artifacts: Path,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    allow_remote: bool = False,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Run `dashboard_server` until Ctrl-C; `ready` is called with its URL once it answers."""
    with dashboard_server(storage, artifacts, host, port, allow_remote=allow_remote) as server:
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{server.server_port}/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return


def _read_only(app: Any, *, local: bool) -> Any:
    """Wrap a WSGI app: allow reading only, and when `local` only its own host name.

    The host name matters because of DNS rebinding: a foreign page could point its own name here.
    """

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        name = environ.get("HTTP_HOST", "").rpartition(":")[0] or environ.get("HTTP_HOST", "")
        if local and name.strip("[]") not in LOOPBACK:
            return _refuse(start_response, "open the dashboard as http://127.0.0.1")
        if method not in ("GET", "HEAD") and not (method == "PUT" and path.endswith("/note")):
            return _refuse(
                start_response, "this dashboard only shows the study; use the nas- commands to change it"
            )
        answer: Iterable[bytes] = app(environ, start_response)
        return answer

    return guarded


def _refuse(start_response: Callable[..., Any], reason: str) -> list[bytes]:
    status = HTTPStatus.FORBIDDEN
    start_response(f"{status.value} {status.phrase}", [("Content-Type", "application/json")])
    return [f'{{"reason": "{reason}"}}'.encode()]
