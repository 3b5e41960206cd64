"""The process of a dashboard that runs beside a search; see `nas.dashboard.process`."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from nas.dashboard.board import Board, board_of
from nas.dashboard.guard import VARIABLE
from nas.dashboard.server import adopted_server
from nas.errors import StorageError, StudyError

NICENESS = 10  # the search comes first
ATTEMPTS, WAIT_SECONDS = 5, 1.0  # to open the study
PREPARING = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Search</title></head>
<body><main><p role="status">The search is being prepared. This page shows its study when that has begun.</p>
</main></body></html>"""


class Later:
    """A WSGI application that asks for patience until it has a board."""

    board: Board | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self.board is not None:
            return self.board(environ, start_response)
        headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(PREPARING)))]
        start_response("503 Service Unavailable", [*headers, ("Retry-After", "2")])
        return [PREPARING]


def run() -> None:
    """Serve until the parent process ends or closes the pipe. It says on stdin what to serve."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they often go to both: the parent ends this process
        signal.signal(number, signal.SIG_IGN)
    parent = os.getppid()
    with suppress(OSError):
        os.nice(NICENESS)
    asked = json.loads(sys.stdin.readline() or "{}")
    if not asked:
        return
    app, token = Later(), os.environ.get(VARIABLE, "")
    with adopted_server(app, socket.socket(fileno=asked["socket"]), token) as server:
        for watch in (_watch_parent, _listen):
            threading.Thread(target=watch, args=(app, asked, parent), daemon=True).start()
        server.serve_forever()


def _listen(app: Later, asked: dict[str, Any], parent: int) -> None:
    """Open the study when told its name, and end with the pipe."""
    try:
        for line in sys.stdin:
            app.board = _opened(asked, json.loads(line))
    except Exception as error:  # in a thread it would leave a page that asks for patience for ever
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    _leave(app)


def _watch_parent(app: Later, asked: dict[str, Any], parent: int) -> None:
    """End with the parent even where a process that it started has kept the pipe open."""
    while os.getppid() == parent:
        time.sleep(1.0)
    _leave(app)


def _leave(app: Later) -> None:
    """End at once: a page that is being made has nobody to read it any more."""
    if app.board is not None:
        app.board.close()  # removes the copies of databases that can't be written
    os._exit(0)


def _opened(asked: dict[str, Any], study: str) -> Board:
    """The board of the study. A process without one is of no use, and ends with the reason."""
    for attempt in range(ATTEMPTS):
        try:
            return board_of(Path(asked["workdir"]), study, asked["storage"])
        except (StudyError, StorageError) as error:
            if attempt == ATTEMPTS - 1:
                print(error, file=sys.stderr, flush=True)
        time.sleep(WAIT_SECONDS)
    os._exit(1)
