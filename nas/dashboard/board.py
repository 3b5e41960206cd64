"""All studies of a work folder behind one address: each has an instance of Optuna Dashboard of its own."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs

from nas.dashboard.guard import HEALTH
from nas.dashboard.page import StudyPage
from nas.dashboard.tie_break import ROUTE, TieBreakForm
from nas.errors import StorageError, StudyError
from nas.study import StudyStore, open_all, open_existing

REFRESH_SECONDS = 5.0  # after which new studies are looked for
STATIC = {"page.css": "text/css", "page.js": "text/javascript", "tie-break.css": "text/css"}
HEAD = '<link rel="stylesheet" href="/nas/page.css"><script defer src="/nas/page.js"></script></head>'

Found = Sequence[tuple[StudyStore, Path]]
"""Studies and their folders."""


class Board:
    """A WSGI application that shows studies. It numbers them from 1; numbers stay while it runs."""

    def __init__(self, studies: Found, find: Callable[[set[str]], Found] = lambda known: ()) -> None:
        """Show `studies`, and open the first of them.

        Args:
            studies: open stores with their folders; they are closed by `close`.
            find: opens the studies that are not in a set of names.
        """
        self._pages: list[StudyPage] = []
        self._add(studies)
        self._find, self._looked = find, time.monotonic()
        self._lock = threading.Lock()  # of looking for studies, which may wait for a database
        self._showing = threading.Lock()
        self._tie_break = TieBreakForm()
        self._shown = self._pages[0]  # the page that was asked for last

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all studies."""
        for page in self._pages:
            page.store.close()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"].rstrip("/")
        if path == "":
            start_response("302 Found", [("Location", "/dashboard/studies/1")])
            return []
        if path == "/api/studies":
            return _answer(start_response, "application/json", json.dumps(self._studies()).encode())
        if path == HEALTH:
            return _answer(start_response, "text/plain", b"ok")
        if path.startswith("/nas/"):
            return self._ours(path.removeprefix("/nas/"), start_response)
        if re.match(r"/dashboard(/|$)", path):
            return _changed(self._pages[0], environ, start_response, _with_our_files)
        tie_break = ROUTE.fullmatch(path)
        if tie_break is not None and (asked := self._page(int(tie_break[1]))):
            return self._tie_break(asked, asked.number, environ, start_response)
        study = re.match(r"(/api/studies|/api/artifacts|/artifacts|/csv)/(\d{1,9})(/.*)?$", path)
        if study is None:
            return self._pages[0](environ, start_response)
        page = self._page(int(study[2]))
        if page is None:
            return _refusal(start_response, HTTPStatus.NOT_FOUND, "there is no such study")
        if environ["REQUEST_METHOD"] == "PUT" and page.store.is_copy:
            return _refusal(start_response, HTTPStatus.FORBIDDEN, "the study can't be written")
        inner = environ | {"PATH_INFO": f"{study[1]}/{page.local}{study[3] or ''}"}
        if study[1] == "/api/studies" and not study[3]:
            number, after = int(study[2]), _after(environ)
            inner["QUERY_STRING"] = ""  # the best trial may be one of those that are left out
            return _changed(page, inner, start_response, lambda body: _detail(page, number, after, body))
        return page(inner, start_response)

    def _add(self, studies: Found) -> None:
        """Show these, too; a study that nobody looks at has no connection to its database."""
        for store, folder in studies:
            store.release()
            self._pages.append(StudyPage(store, folder, len(self._pages) + 1))

    def _page(self, number: int) -> StudyPage | None:
        """The page of a study; that of the study before it has no connection any more."""
        if not 0 < number <= len(self._pages):
            return None
        page = self._pages[number - 1]
        with self._showing:
            before, self._shown = self._shown, page
        if before is not page:
            before.store.release()
        return page

    def _ours(self, name: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Our own files, and the summaries of studies."""
        if name in STATIC:
            return _answer(start_response, STATIC[name], (files(__package__) / "static" / name).read_bytes())
        study = re.fullmatch(r"studies/(\d{1,9})/summary", name)
        page = None if study is None else self._page(int(study[1]))
        if page is None:
            return _answer(start_response, "text/plain", b"not found", HTTPStatus.NOT_FOUND)
        return _answer(start_response, "text/html; charset=utf-8", page.summary().encode())

    def _studies(self) -> dict[str, Any]:
        """All studies as Optuna Dashboard lists them, with our numbers; new ones are looked for."""
        with self._lock:
            if time.monotonic() - self._looked > REFRESH_SECONDS:
                known = {page.store.name for page in self._pages}
                self._add(self._find(known))
                self._looked = time.monotonic()
        return {"study_summaries": [_listed(number, page) for number, page in enumerate(self._pages, 1)]}


def board_of(workdir: Path, study: str, storage: str) -> Board:
    """The board that begins with `study`; arguments as of `open_existing`.

    Raises:
        StudyError: there is no such study.
        StorageError: the database can't be used.
    """
    store, folder = open_existing(workdir, study, storage)
    return board_with(store, folder, workdir, storage)


def board_with(store: StudyStore, folder: Path, workdir: Path, storage: str) -> Board:
    """The board that begins with the open study `store`."""

    def others(known: set[str]) -> list[tuple[StudyStore, Path]]:
        try:
            return open_all(workdir, storage, known=known)
        except (StudyError, StorageError):  # the folder or database is out of reach at this moment
            return []

    return Board([(store, folder), *others({store.name})], others)


def _listed(number: int, page: StudyPage) -> dict[str, Any]:
    study = page.store.study
    directions = [direction.name.lower() for direction in study.directions]
    return {
        "study_id": number,
        "study_name": page.store.name,
        "directions": directions,
        "user_attrs": [],
        "is_preferential": False,
    }


def _after(environ: dict[str, Any]) -> int:
    """How many trials a page knows already."""
    given = parse_qs(environ.get("QUERY_STRING", "")).get("after", ["0"])[0]
    return int(given) if re.fullmatch(r"[0-9]{1,9}", given) else 0


def _detail(page: StudyPage, number: int, after: int, body: bytes) -> bytes:
    """The JSON of a study, as we show it: with our number, and without the first `after` trials."""
    detail = page.shown(json.loads(body))
    detail["trials"] = detail["trials"][after:]
    for trial in (*detail["trials"], *detail["best_trials"]):
        trial["study_id"] = number
    return json.dumps(detail).encode()


def _with_our_files(body: bytes) -> bytes:
    return body.replace(b"</head>", HEAD.encode(), 1)


def _changed(
    app: Callable[..., Iterable[bytes]],
    environ: dict[str, Any],
    start_response: Callable[..., Any],
    change: Callable[[bytes], bytes],
) -> Iterable[bytes]:
    """The answer of `app` with another body, where it is a successful one to GET."""
    started: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], *_: object) -> None:
        started[:] = [status, headers]

    environ = {name: value for name, value in environ.items() if name != "HTTP_IF_MODIFIED_SINCE"}
    parts = app(environ, start)
    try:
        body = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    status, headers = started
    if status.startswith("200") and environ["REQUEST_METHOD"] == "GET":
        body = change(body)
        kept = ("content-length", "last-modified", "etag")
        headers = [(name, value) for name, value in headers if name.lower() not in kept]
        headers.append(("Content-Length", str(len(body))))
    start_response(status, headers)
    return [body]


def _refusal(start_response: Callable[..., Any], status: HTTPStatus, reason: str) -> list[bytes]:
    return _answer(start_response, "application/json", json.dumps({"reason": reason}).encode(), status)


def _answer(
    start_response: Callable[..., Any], kind: str, body: bytes, status: HTTPStatus = HTTPStatus.OK
) -> list[bytes]:
    start_response(
        f"{status.value} {status.phrase}", [("Content-Type", kind), ("Content-Length", str(len(body)))]
    )
    return [body]
