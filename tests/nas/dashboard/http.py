"""Requests to a dashboard on loopback, as a browser or an attacker sends them."""

from __future__ import annotations

import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from nas.dashboard.board import Board
from nas.dashboard.server import dashboard_server


@dataclass(frozen=True)
class Answer:
    """What came back; redirections are not followed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object) -> None:
        return None


def ask(
    url: str, fields: Mapping[str, str] | None = None, method: str | None = None, **headers: str
) -> Answer:
    """GET `url`, or POST a form of `fields`."""
    data = None if fields is None else urllib.parse.urlencode(fields).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with opener.open(request, timeout=60) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


@contextmanager
def served(board: Board, token: str = "") -> Iterator[str]:
    """The URL of a dashboard of `board`, behind `token` if there is one."""
    with dashboard_server(board, port=0, token=token) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_port}"
        finally:
            running.shutdown()
            thread.join(timeout=20)
