"""The server: on loopback, and it only shows."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.dashboard.board import Board
from nas.dashboard.server import dashboard_server
from nas.errors import ConfigError
from nas.study import StudyStore


@pytest.fixture
def board(store: StudyStore, tmp_path: Path) -> Board:
    return Board([(store, tmp_path)])


@pytest.fixture
def server(board: Board) -> Iterator[str]:
    with dashboard_server(board, port=0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join(timeout=20)


def status(url: str, method: str = "GET", **headers: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, method=method, headers=headers)
    try:
        with opener.open(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_dashboard_shows_the_study(server: str) -> None:
    assert status(f"{server}/dashboard") == 200
    assert status(f"{server}/api/studies/1") == 200


def test_the_dashboard_deletes_and_changes_nothing(server: str, store: StudyStore) -> None:
    assert status(f"{server}/api/studies/1", "DELETE") == 403
    assert status(f"{server}/api/trials/1/tell", "POST") == 403
    assert status(f"{server}/api/studies/1/rename", "POST") == 403
    assert len(store.study.trials) == 9


def test_a_foreign_host_name_that_points_here_is_refused(server: str) -> None:
    assert status(f"{server}/api/studies", Host="attacker.example:80") == 403
    assert status(f"{server}/api/studies", Host="localhost:8080") == 200


def test_a_busy_port_is_named_with_the_way_out(server: str, board: Board) -> None:
    port = int(server.rpartition(":")[2])
    with pytest.raises(ConfigError, match=f"port {port} on 127.0.0.1 is in use: .* another --port"):
        dashboard_server(board, port=port)


@pytest.mark.parametrize(
    ("host", "says"), [("0.0.0.0", "no authentication"), ("192.0.2.1", "no authentication")]
)
def test_other_machines_are_let_in_only_on_request(board: Board, host: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        dashboard_server(board, host, 0)
    dashboard_server(board, "0.0.0.0", 0, allow_remote=True).server_close()


@pytest.mark.parametrize("port", [70000, -1])
def test_an_impossible_port_is_refused(board: Board, port: int) -> None:
    with pytest.raises(ConfigError, match="give another --port"):
        dashboard_server(board, port=port)


def test_an_address_of_another_machine_is_refused(board: Board) -> None:
    with pytest.raises(ConfigError, match="no address of this machine"):
        dashboard_server(board, "192.0.2.1", 0, allow_remote=True)
