"""Artifacts are files that anybody may have put into a database: a browser may show pictures of them only.

Optuna Dashboard sends an artifact with the type that the database names, to every origin. HTML among them
would run as a page of the dashboard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

ARTIFACT = re.compile(r"/artifacts(/|$)")
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif")
TEXTS = ("application/json", "image/svg+xml")  # and text/…: shown as they are written
KEPT = ("content-length",)
HEADERS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-cache"),  # the samples of a trial that is running are replaced
]


def safe_artifacts(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Wrap a WSGI app: its artifacts are pictures, plain text, or files to download; none is a page."""

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not ARTIFACT.match(environ["PATH_INFO"]):
            return app(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            named = {name.lower(): value for name, value in headers}
            kind = safe_type(named.get("content-type", ""))
            shown = "inline" if kind in PICTURES else "attachment"
            ours = [("Content-Type", kind), ("Content-Disposition", shown), *HEADERS]
            kept = [(name, value) for name, value in headers if name.lower() in KEPT]
            return start_response(status, [*kept, *ours], *rest)

        return app(environ, start)

    return guarded


def safe_type(named: str) -> str:
    """The type to send for a file that is said to be of type `named`."""
    kind = named.partition(";")[0].strip().lower()
    if kind in PICTURES:
        return kind
    if kind in TEXTS or kind.startswith("text/"):
        return "text/plain; charset=utf-8"
    return "application/octet-stream"
