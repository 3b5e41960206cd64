"""The databases of studies: made, migrated, shared by processes, refused."""

import logging
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from nas.config import SearchConfig
from nas.database import Base, parse_url, shown
from nas.database.connection import prepare
from nas.errors import StorageError
from nas.passwords import without_password
from nas.study import StudyStore
from tests.nas.study.records import IDENTITY, rung


def test_processes_that_open_a_new_database_at_once_all_succeed(url: str, name: str) -> None:
    code = (
        "import sys; from nas.study.store import StudyStore\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"with StudyStore.open({url!r}, {name!r}, identity={IDENTITY}) as store: store.study.ask()"
    )
    drivers = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for driver in drivers:
        assert driver.stdout is not None
        assert driver.stdout.readline() == "ready\n"
    for driver in drivers:
        assert driver.stdin is not None
        driver.stdin.write("go\n")
        driver.stdin.flush()
    for driver in drivers:
        driver.communicate(timeout=60)
        assert driver.returncode == 0
    with StudyStore.open(url, name, create=False) as store:
        assert [trial.number for trial in store.study.trials] == [0, 1]


def test_a_database_that_another_process_makes_at_this_moment_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.5, other.rollback).start()
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 0})
    prepare(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_database_of_the_first_release_keeps_its_rungs_and_takes_new_ones(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    with StudyStore.open(url, "old") as store:
        store.record_rung(rung())
    with sqlite3.connect(tmp_path / "study.db") as connection:
        connection.execute("ALTER TABLE nas_rungs DROP COLUMN fid_extractor_digest")
        connection.execute("ALTER TABLE nas_rungs DROP COLUMN kid")
        connection.execute("UPDATE nas_alembic_version SET version_num = '0001'")
    connection.close()
    with StudyStore.open(url, "old") as store:
        store.record_rung(rung(rung=1, fid_extractor_digest="0123456789abcdef", kid=0.5))
        assert [record.fid_extractor_digest for record in store.rungs()] == ["", "0123456789abcdef"]
        assert [record.kid for record in store.rungs()] == [None, 0.5]


def test_the_migrations_make_exactly_the_declared_tables(url: str, name: str) -> None:
    StudyStore.open(url, name).close()
    engine = sa.create_engine(url)
    inspector = sa.inspect(engine)
    for table in Base.metadata.sorted_tables:
        made = {column["name"]: column for column in inspector.get_columns(table.name)}
        assert list(made) == [column.name for column in table.columns]
        for column in table.columns:
            assert made[column.name]["type"].compile(engine.dialect) == column.type.compile(engine.dialect)
            assert made[column.name]["nullable"] == column.nullable
    assert {"alembic_version", "nas_alembic_version"} <= set(inspector.get_table_names())
    engine.dispose()


def test_opening_leaves_logging_alone(url: str, name: str) -> None:
    logger = logging.getLogger("somebody.else")
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logger.disabled)
    StudyStore.open(url, name).close()
    assert (root.level, list(root.handlers), logger.disabled) == before


def test_sqlite_readers_do_not_wait_for_the_writer(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    with StudyStore.open(url, "one") as store:
        for engine in (store._engine, store._storage.engine):
            with engine.connect() as connection:
                assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
                assert connection.execute(sa.text("PRAGMA busy_timeout")).scalar() == 60_000


def test_postgres_urls_get_the_driver_that_is_installed() -> None:
    assert parse_url("postgres://u@h/d").drivername == "postgresql+psycopg"
    assert parse_url("postgresql://u@h/d").drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://user:secret@host/db", "postgresql+psycopg://user:***@host/db"),
        ("postgresql://user:sec/ret@host/db", "postgresql+psycopg://user:***@host/db"),
        ("postgresql://host/db?user=me&password=secret&x=1", "password=***&"),
        ("postgresql://host/db?sslpassword=secret", "?sslpassword=***"),
        ("postgresql://host/db?p%61ssword=secret", "?password=***"),
        ("postgresql://user@host/db?application_name=nas", "user@host/db?application_name=nas"),
        ("sqlite:////data/study.db", "sqlite:////data/study.db"),
    ],
)
def test_a_password_is_hidden_wherever_a_url_has_it(url: str, says: str) -> None:
    visible = shown(parse_url(url))
    assert says in visible
    assert "secret" not in visible
    kept = SearchConfig(budget_macs=1, storage=url).public()["storage"]
    assert kept == url if "***" not in says else "***" in kept and "secret" not in kept


@pytest.mark.parametrize(
    "written", ["p@secret", "p@sec/ret", "p@s=secret", "p@s?secret", "secret@@", "@secret"]
)
def test_a_password_with_an_at_sign_is_hidden_to_its_end_and_asked_for_in_quotes(written: str) -> None:
    url = f"postgresql://me:{written}@host/db?application_name=nas@home"
    assert without_password(url) == "postgresql://me:***@host/db?application_name=nas@home"
    with pytest.raises(StorageError, match=r"me:\*\*\*@host/db.*: write @ of a password as %40") as error:
        parse_url(url)
    assert "secret" not in str(error.value)
    quoted = parse_url(f"postgresql://me:{quote(written, safe='')}@host/db")
    assert (quoted.password, quoted.host) == (written, "host")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nas.db", "is not a URL"),
        ("postgresql//user:secret@host/db", "is not a URL"),
        ("postgresql+psycopg://user:secret@host:port/db", "is not a URL"),
        ("nosuch://user:secret@host/db", "no driver for 'nosuch'"),
        ("postgresql+nosuch://user:secret@host/db", "no driver for 'postgresql.nosuch'"),
        ("postgresql+psycopg://user:secret@127.0.0.1:9/db", "does not answer"),
        ("postgresql+psycopg://127.0.0.1:9/db?user=nas&password=secret", "does not answer"),
        ("sqlite://", "in-memory databases are not supported"),
        ("sqlite:////proc/nowhere/study.db", "can be written"),
    ],
)
def test_a_storage_that_can_not_be_used_is_one_line_without_the_password(url: str, says: str) -> None:
    began = time.monotonic()
    with pytest.raises(StorageError, match=says) as error:
        StudyStore.open(url, "study")
    message = str(error.value)
    assert "\n" not in message
    assert "secret" not in message
    assert url.split("/")[-1].partition("?")[0] in message
    assert time.monotonic() - began < 10


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "photo.db").write_text("not a database, but long enough to be looked at" * 99)
    before = (tmp_path / "photo.db").read_bytes()
    with pytest.raises(StorageError, match=r"file is not a database.*photo\.db"):
        StudyStore.open(f"sqlite:///{tmp_path}/photo.db", "study")
    assert (tmp_path / "photo.db").read_bytes() == before


def test_a_reader_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(
        StorageError, match=r"there is no .*study\.db; check the path, or run nas-search first"
    ):
        StudyStore.names(f"sqlite:///{tmp_path}/study.db")
    assert list(tmp_path.iterdir()) == []


def test_commits_wait_for_the_disk_of_a_server_whose_crash_the_driver_survives(url: str, name: str) -> None:
    asked, wanted = (
        ("PRAGMA synchronous", 1) if url.startswith("sqlite") else ("SHOW synchronous_commit", "on")
    )
    with StudyStore.open(url, name) as store:
        for engine in (store._engine, store._storage.engine):
            with engine.connect() as connection:
                assert connection.execute(sa.text(asked)).scalar() == wanted


def test_tables_that_a_later_version_has_changed_are_refused_with_the_fix(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    StudyStore.open(url, "study").close()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE nas_alembic_version SET version_num = 'later'"))
    engine.dispose()
    with pytest.raises(
        StorageError, match=r"a later version .* its tables \(.*'later'\): install that version"
    ):
        StudyStore.open(url, "study")
