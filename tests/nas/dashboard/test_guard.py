"""The dashboard's token: real HTTP on loopback, and a real browser where there is one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from nas.dashboard.board import Board
from nas.dashboard.guard import check_token
from nas.dashboard.server import dashboard_server
from nas.errors import ConfigError
from nas.study import StudyStore
from tests.browser import document, needs_browser
from tests.nas.dashboard.http import ask, served

TOKEN = "correct-horse-battery-staple"
SHOWN = "FD (digits) at each rung"  # of the study's page


@pytest.fixture
def server(store: StudyStore, tmp_path: Path) -> Iterator[str]:
    store.study.ask().suggest_float("budget_fraction", 0.25, 1.0)  # the page needs a parameter
    with served(Board([(store, tmp_path)]), TOKEN) as url:
        yield url


@pytest.mark.parametrize(
    "path",
    ["/", "/dashboard", "/api/studies", "/api/studies/1", "/artifacts/1/x", "/nas/page.js", "/nas/health/"],
)
def test_nothing_is_shown_without_the_token(server: str, path: str) -> None:
    answer = ask(server + path)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "NAS_DASHBOARD_TOKEN" in answer.text
    assert "Authorization: Bearer TOKEN" in answer.text
    assert "digits" not in answer.text
    assert TOKEN not in answer.text


def test_the_health_of_the_server_is_told_to_everybody_and_nothing_else_is(server: str) -> None:
    answer = ask(f"{server}/nas/health")
    assert (answer.status, answer.text) == (200, "ok")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_program_sends_the_token_in_a_header(server: str, scheme: str) -> None:
    assert ask(f"{server}/api/studies", Authorization=f"{scheme} {TOKEN}").status == 200


@pytest.mark.parametrize(
    "given",
    [f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer ", "Bearer", f"Basic {TOKEN}", "Bearer \xff"],
)
def test_a_wrong_header_is_refused(server: str, given: str) -> None:
    assert ask(f"{server}/api/studies", Authorization=given).status == 401


def test_the_token_in_the_address_sets_a_cookie_that_opens_the_pages(server: str) -> None:
    first = ask(f"{server}/dashboard/studies/1/trials?numbers=1&token={TOKEN}")
    assert first.status == 200
    assert 'url=/dashboard/studies/1/trials?numbers=1"' in first.text
    assert first.headers["Cache-Control"] == "no-store"
    assert first.headers["Referrer-Policy"] == "no-referrer"
    cookie, *attributes = first.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    assert TOKEN not in cookie
    assert ask(f"{server}/api/studies/1", Cookie=cookie).status == 200
    assert ask(f"{server}/api/studies/1", Cookie=f"other=1; {cookie}").status == 200
    assert ask(f"{server}/api/studies/1", Cookie=cookie[:-1]).status == 401
    assert ask(f"{server}/api/studies/1", Cookie=f"nas-dashboard={TOKEN}").status == 401
    assert ask(f"{server}/api/studies/1", Cookie="a=b; \x01").status == 401


@pytest.mark.parametrize("given", ["", "wrong", f"{TOKEN}%00", "%C3%A9" * 16, f"wrong&token={TOKEN}"])
def test_a_wrong_token_in_the_address_sets_no_cookie(server: str, given: str) -> None:
    answer = ask(f"{server}/dashboard?token={given}")
    assert answer.status == 401
    assert answer.headers["Set-Cookie"] is None
    assert "not the dashboard" in answer.text


@pytest.mark.parametrize("path", ["//evil.example/x", "/%22%3E%3Cscript%3E", "/a%0d%0aX: y"])
def test_the_page_that_follows_the_token_is_one_of_this_server(server: str, path: str) -> None:
    page = ask(f"{server}{path.replace(' ', '%20')}?token={TOKEN}&x=%22%3E%3Cscript%3E").text
    target = page.partition("url=")[2].partition('"')[0]
    assert target.startswith("/")
    assert not target.startswith("//")
    assert "<script" not in page


def test_the_token_opens_reading_alone(server: str) -> None:
    assert ask(f"{server}/api/studies/1", method="DELETE", Authorization=f"Bearer {TOKEN}").status == 403
    assert ask(f"{server}/api/studies", Authorization=f"Bearer {TOKEN}", Host="evil.example").status == 403


def test_with_a_token_other_machines_may_be_let_in(store: StudyStore, tmp_path: Path) -> None:
    board = Board([(store, tmp_path)])
    dashboard_server(board, "0.0.0.0", 0, token=TOKEN).server_close()
    with pytest.raises(ConfigError, match="set NAS_DASHBOARD_TOKEN"):
        dashboard_server(board, "0.0.0.0", 0)


@pytest.mark.parametrize(
    "token", ["short", "fifteen-letters", "with a space in it", "ü" * 20, "x" * 20 + "\n"]
)
def test_a_token_that_can_be_guessed_or_not_be_sent_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(ConfigError, match=rf"\({len(token)} characters.*at least 16.*openssl") as error:
        check_token(token)
    assert token not in str(error.value)
    check_token("x" * 16)


@pytest.fixture
def elsewhere(server: str) -> Iterator[str]:
    """A page of another site that links to the dashboard with its token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            link = f'<meta http-equiv="refresh" content="0; url={server}/?token={TOKEN}">'
            self.wfile.write(link.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://localhost:{running.server_port}/"
        running.shutdown()
        thread.join(timeout=20)


@pytest.mark.slow
@needs_browser
def test_a_browser_is_asked_then_shown_the_study_and_remembers(server: str, tmp_path: Path) -> None:
    asked = document(f"{server}/", tmp_path)
    assert "This dashboard asks for a token." in asked
    assert 'type="password"' in asked
    assert SHOWN in document(f"{server}/?token={TOKEN}", tmp_path)


@pytest.mark.slow
@needs_browser
def test_a_link_on_another_site_opens_the_study(elsewhere: str, tmp_path: Path) -> None:
    assert SHOWN in document(elsewhere, tmp_path)
