"""PostgreSQL as its administrators run it: a role with few privileges, TLS, few connections."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState

from nas.database import connection as connections
from nas.errors import SearchError, StorageError
from nas.study import StudyStore
from tests.nas.faults.postgres import Server, running_server
from tests.nas.study.records import rung

PAGE = Path(__file__).parents[3] / "docs" / "postgresql.md"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as started:
        yield started


def address(server: Server, role: str = "postgres", database: str = "postgres", query: str = "") -> str:
    return f"postgresql+psycopg://{role}@127.0.0.1:{server.port}/{database}{query}"


def execute(server: Server, statements: str, role: str = "postgres", database: str = "postgres") -> None:
    """Carry out SQL, a statement at a time."""
    place = f"host=127.0.0.1 port={server.port} user={role} dbname={database}"
    with psycopg.connect(place, autocommit=True) as connection:
        for statement in filter(None, map(str.strip, statements.split(";"))):
            connection.execute(statement)  # type: ignore[call-overload]  # psycopg asks for literals


def restarted(server: Server, **settings: str) -> None:
    """Start the server again with these settings."""
    for name, value in settings.items():
        execute(server, f"ALTER SYSTEM SET {name} = '{value}'")
    server.crash()
    server.start()


@pytest.fixture(scope="module")
def as_documented(server: Server) -> Server:
    """The server, with the page's roles, and tables that the owner has made."""
    at_once, afterwards = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    execute(server, at_once)
    assert StudyStore.names(address(server, "nas_owner", "nas")) == []
    execute(server, afterwards, "nas_owner", "nas")
    return server


def test_a_role_that_may_not_make_tables_runs_a_whole_study(as_documented: Server) -> None:
    url = address(as_documented, "nas", "nas")
    with StudyStore.open(url, "study") as store, store.lease():
        trial = store.study.ask()
        trial.suggest_float("x", 0, 1)
        with store.together():
            store.record_rung(rung(trial=trial.number))
            store.study.tell(trial, [1.0, 2.0])
    with StudyStore.open(url, "study", create=False) as reader:
        assert reader.study.trials[0].state == TrialState.COMPLETE
        assert len(reader.rungs()) == 1
        with reader.lease():
            reader.delete()
    assert StudyStore.names(url) == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(as_documented, "CREATE TABLE other (x integer)", "nas", "nas")


@pytest.mark.parametrize("what", ["no tables", "older tables"])
def test_a_role_that_lacks_tables_is_told_who_makes_them(as_documented: Server, what: str) -> None:
    database = what.replace(" ", "_")
    execute(as_documented, f"CREATE DATABASE {database} OWNER nas_owner")
    if what == "older tables":
        StudyStore.names(address(as_documented, "nas_owner", database))
        older = "ALTER TABLE nas_rungs DROP COLUMN kid; UPDATE nas_alembic_version SET version_num = '0002'"
        grant = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO nas"
        execute(as_documented, f"{older}; {grant}", "nas_owner", database)
    with pytest.raises(StorageError, match=r"may not make or update tables \(.*docs/postgresql.md") as error:
        StudyStore.open(address(as_documented, "nas", database), "study")
    assert "\n" not in str(error.value)


def test_a_privilege_that_is_withdrawn_ends_a_search_in_a_line(as_documented: Server) -> None:
    with StudyStore.open(address(as_documented, "nas", "nas"), "refused") as store, store.lease():
        execute(as_documented, "REVOKE INSERT ON trials FROM nas", "nas_owner", "nas")
        try:
            with pytest.raises(SearchError, match=r"refuses its role \(permission denied for table trials\)"):
                store.study.ask()
        finally:
            execute(as_documented, "GRANT INSERT ON trials TO nas", "nas_owner", "nas")


@pytest.mark.skipif(not shutil.which("openssl"), reason="a certificate is made by openssl: install it")
def test_tls_parameters_of_the_url_reach_every_connection(tmp_path: Path) -> None:
    with running_server() as server:
        with pytest.raises(StorageError, match="does not support SSL"):
            StudyStore.open(address(server, query="?sslmode=require"), "study")
        certificate, key = (server._folder / name for name in ("server.crt", "server.key"))
        made = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -keyout {key} -out {certificate}"
        subject = "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
        subprocess.run(f"{made} {subject}".split(), check=True, capture_output=True)
        subprocess.run(["chown", "--reference", server._folder, key, certificate], check=True)
        key.chmod(0o600)
        restarted(server, ssl="on", ssl_cert_file=str(certificate), ssl_key_file=str(key))
        authority = tmp_path / "ca.pem"
        authority.write_bytes(certificate.read_bytes())
        verified = f"?sslmode=verify-full&sslrootcert={authority}"
        with StudyStore.open(address(server, query=verified), "study") as store:
            for engine in (store._engine, store._storage.engine):
                with engine.connect() as connection:
                    encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
                    assert connection.execute(sa.text(encrypted)).scalar_one() is True
        with pytest.raises(StorageError, match="certificate"):
            StudyStore.open(address(server, query=f"?sslmode=verify-full&sslrootcert={PAGE}"), "study")


def taken(server: Server, held: ExitStack, most: int) -> int:
    """Take up to `most` connections, and leave them idle; how many there were."""
    place = f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres"
    for count in range(most):
        try:
            held.enter_context(psycopg.connect(place))
        except psycopg.OperationalError:
            return count
    return most


def test_two_hundred_idle_connections_do_not_disturb_a_study(server: Server) -> None:
    restarted(server, max_connections="210")
    with ExitStack() as held:
        assert taken(server, held, 200) == 200
        with StudyStore.open(address(server), "idle") as store, store.lease():
            store.study.tell(store.study.ask(), [1.0, 2.0])
            store.record_rung(rung())
            assert len(store.rungs()) == 1


def test_a_command_waits_for_a_connection_and_says_when_there_is_none(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    restarted(server, max_connections="8", superuser_reserved_connections="0")
    with ExitStack() as held:
        assert taken(server, held, 9) < 9
        monkeypatch.setattr(connections, "TAKEN_SECONDS", 3.0)
        with (
            caplog.at_level(logging.WARNING),
            pytest.raises(StorageError, match="all connections of the server are taken") as error,
        ):
            StudyStore.open(address(server), "waiting")
        assert "\n" not in str(error.value)
        assert "are taken (" in caplog.text
        assert "): trying again for 2 s" in caplog.text
        monkeypatch.setattr(connections, "TAKEN_SECONDS", 30.0)
        threading.Timer(1.5, held.close).start()
        with StudyStore.open(address(server), "waiting") as store:
            assert store.study.trials == []


def test_a_search_whose_connection_is_lost_and_taken_by_others_waits_for_another(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    restarted(server, max_connections="8", superuser_reserved_connections="0")
    with StudyStore.open(address(server), "lost") as store, ExitStack() as held, store.lease():
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()"
        execute(server, f"{others} AND backend_type = 'client backend'")
        assert taken(server, held, 9) < 9
        threading.Timer(1.5, held.close).start()
        began = time.monotonic()
        with caplog.at_level(logging.WARNING):
            store.record_rung(rung())
        assert time.monotonic() - began > 1
        first, last = (message for message in caplog.messages if "answer" in message)
        assert "too many clients" in first
        assert "answers again" in last
        assert len(store.rungs()) == 1
