"""A token in front of the dashboard: nobody reads a study without it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from html import escape
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, quote, urlencode

from nas.errors import ConfigError

VARIABLE = "NAS_DASHBOARD_TOKEN"
PARAMETER = "token"
HEALTH = "/nas/health"  # says no more than that the server answers
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")  # RFC 6750, section 2.1, and not a word to be guessed

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>{head}
<meta name="viewport" content="width=device-width">
<style>body {{font: 16px/1.5 sans-serif; margin: 4em auto; max-width: 36em; padding: 0 1em}}
code {{background: #eee; padding: 0 .25em}} input, button {{font: inherit; padding: .25em .5em}}</style>
</head><body><h1>{title}</h1>{body}</body></html>"""

ASK = """<p>{reason}</p>
<form method="get"><input type="password" name="token" aria-label="Token" autocomplete="off" autofocus>
<button>Open</button></form>
<p>The token is what the dashboard was started with: its environment variable <code>NAS_DASHBOARD_TOKEN</code>
or its option <code>--token</code>. Programs send it as <code>Authorization: Bearer TOKEN</code>.</p>"""


def check_token(token: str) -> None:
    """Check that `token` can be sent in a header and can't be guessed.

    Raises:
        ConfigError: it is too short, or has other characters. The token itself is not in the message.
    """
    if not _TOKEN.fullmatch(token):
        raise ConfigError(
            f"the dashboard's token ({len(token)} characters, of --token or {VARIABLE}) is not usable: give "
            "at least 16 letters, digits or ._~+/-, such as from: openssl rand -hex 16"
        )


def guarded(app: WSGI, token: str) -> WSGI:
    """`app` behind `token`, which a request has in a header, in a cookie, or in the query.

    The header is `Authorization: Bearer TOKEN` (RFC 6750, section 2.1). The query, `?token=TOKEN`, sets the
    cookie. The cookie holds a digest of the token, is hidden from scripts and not sent by other sites' pages.
    Other requests are answered with status 401 and a page that asks for the token; `HEALTH` needs none.

    Raises:
        ConfigError: the token is not usable.
    """
    check_token(token)
    pass_ = hmac.new(token.encode(), b"nas-dashboard cookie", hashlib.sha256).hexdigest()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        name = f"nas-dashboard-{environ.get('SERVER_PORT', '')}"  # browsers share cookies between ports
        if environ["PATH_INFO"] == HEALTH or _may_enter(environ, token, name, pass_):
            return app(environ, start_response)
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        given = query.pop(PARAMETER, None)
        if given is None:
            return _ask(start_response, "This dashboard asks for a token.")
        if not _equal(given[0], token):
            return _ask(start_response, "This is not the dashboard's token.")
        return _let_in(environ, start_response, query, f"{name}={pass_}; Path=/; HttpOnly; SameSite=Strict")

    return application


def _may_enter(environ: dict[str, Any], token: str, name: str, pass_: str) -> bool:
    scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer" and _equal(given.strip(), token):
        return True
    try:
        cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
    except CookieError:
        return False
    return name in cookies and _equal(cookies[name].value, pass_)


def _equal(given: str, wanted: str) -> bool:
    """In a time that does not depend on how much of it is right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


def _let_in(
    environ: dict[str, Any], start_response: Callable[..., Any], query: dict[str, list[str]], cookie: str
) -> Iterable[bytes]:
    """Set the cookie and open the same page without the token in its address.

    A page does it, not a redirect: after a link on another site, browsers send no SameSite=Strict cookie with
    redirects.
    """
    path = "/" + quote(environ["PATH_INFO"].encode("latin-1")).lstrip("/")  # "//host" is another server
    target = escape(f"{path}?{urlencode(query, doseq=True)}" if query else path)
    head = f'<meta http-equiv="refresh" content="0; url={target}">'
    body = f'<p><a href="{target}">Continue</a></p>'
    return _page(start_response, HTTPStatus.OK, "Welcome", body, head, [("Set-Cookie", cookie)])


def _ask(start_response: Callable[..., Any], reason: str) -> Iterable[bytes]:
    challenge = [("WWW-Authenticate", 'Bearer realm="nas-dashboard"')]
    body = ASK.format(reason=reason)
    return _page(start_response, HTTPStatus.UNAUTHORIZED, "Token needed", body, "", challenge)


def _page(
    start_response: Callable[..., Any],
    status: HTTPStatus,
    title: str,
    body: str,
    head: str,
    headers: list[tuple[str, str]],
) -> Iterable[bytes]:
    page = PAGE.format(title=title, body=body, head=head).encode()
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", str(len(page))),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),  # the address may hold a token
        *headers,
    ]
    start_response(f"{status.value} {status.phrase}", headers)
    return [page]
