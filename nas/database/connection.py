"""Connect to a study's database: check the URL, and bring our tables up to date."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine

from nas.database.outages import are_connections_taken, is_forbidden
from nas.database.urls import is_sqlite, shown, sqlite_path
from nas.errors import StorageError
from nas.extras import install
from nas.retrying import OutageError, RetryPolicy

CONNECT_SECONDS = 5
"""A server that does not answer for so long is unreachable."""

TAKEN_SECONDS, TAKEN_WAIT = 20.0, 1.0
"""How long, and how often, a connection is tried where the server has none left."""

IDLE_SECONDS = 60.0
"""After which PostgreSQL ends a transaction whose driver sends nothing; by then its lease has expired."""

UNFINISHED = (sa.exc.DBAPIError, sa.exc.InvalidRequestError, sqlite3.OperationalError)
"""What a database raises whose tables another process is making."""


T = TypeVar("T")


def connect(url: URL, *, create: bool, migrate: bool = True) -> Engine:
    """An engine that has answered once, our tables up to date.

    Args:
        url: from `parse_url`.
        create: make the folder and the file of a SQLite database that is not there.
        migrate: bring our tables up to date.

    Raises:
        StorageError: the driver is unknown, the server does not answer, the file can't be written or is no
            database.
    """
    path = sqlite_path(url)
    if path is not None and not os.path.exists(path):  # False also for names that are too long
        if not create:
            raise StorageError(
                f"storage {shown(url)}: there is no {path}; check the path, or run nas-search first"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(unwritable(url, path, error)) from error
    try:
        engine = sa.create_engine(url, **engine_arguments(url))
    except (sa.exc.NoSuchModuleError, ImportError) as error:
        raise StorageError(
            f"storage {shown(url)}: no driver for {url.drivername!r} is installed; use sqlite:///FILE or "
            f"postgresql+psycopg://…, or {_driver(url)}"
        ) from error
    except (sa.exc.ArgumentError, TypeError) as error:
        raise StorageError(f"storage {shown(url)}: {_one_line(error)}; correct the URL") from error
    prepare(engine)

    def answer() -> None:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
        if migrate:
            patiently(lambda: _migrate(engine))

    try:
        when_connections_are_free(answer, url)
    except (sa.exc.SQLAlchemyError, sqlite3.Error, TypeError) as error:
        engine.dispose()
        raise unusable(url, error) from error
    return engine


def unusable(url: URL, error: Exception) -> StorageError:
    """The error of a database that can't be opened because of `error`."""
    path = sqlite_path(url)
    if path is not None:
        return StorageError(unwritable(url, path, error))
    if is_forbidden(getattr(error, "orig", None)):
        return StorageError(
            f"storage {shown(url)}: the role may not make or update tables ({_one_line(error)}): run "
            "nas-study list --storage once as the database's owner, see docs/postgresql.md"
        )
    return StorageError(
        f"storage {shown(url)} does not answer: {_one_line(error)}; check that the server runs and that "
        "host, user, password and database are right"
    )


def engine_arguments(url: URL) -> dict[str, Any]:
    """Arguments of `create_engine`, for our engine and Optuna's alike."""
    if is_sqlite(url):
        return {"connect_args": {"timeout": 60}}  # seconds to wait for the other writer
    if url.get_backend_name() in ("postgresql", "mysql", "mariadb") and "connect_timeout" not in url.query:
        return {"connect_args": {"connect_timeout": CONNECT_SECONDS}, "pool_pre_ping": True}
    return {"pool_pre_ping": True}


def prepare(engine: Engine) -> None:
    """Set up the connections.

    SQLite's commits do not wait for the disk, and its readers not for the writer: a kill -9 loses no commit;
    a power cut may lose the last ones, together with the driver that made them. A server's crash does not
    end the driver: there commits wait for the disk, as its settings say.

    PostgreSQL ends a transaction in the midst of which its driver was suspended: it would hold the lease's
    row, and whoever takes the lease over would wait for it for ever.
    """
    if engine.url.get_backend_name() == "postgresql":

        @event.listens_for(engine, "connect")
        def end_idle_transactions(connection: Any, _: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute(f"SET idle_in_transaction_session_timeout = {round(IDLE_SECONDS * 1000)}")
            connection.commit()

    if not is_sqlite(engine.url):
        return

    @event.listens_for(engine, "connect")
    def write_ahead(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        # the change itself never waits for another process that makes it at this moment
        patiently(lambda: cursor.execute("PRAGMA journal_mode=WAL"), attempts=10)
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()


def when_connections_are_free(action: Callable[[], T], url: URL) -> T:
    """Repeat `action` while all connections of the server are taken, for `TAKEN_SECONDS`.

    Raises:
        StorageError: none has become free.
    """

    def taken(error: Exception) -> str | None:
        if isinstance(error, sa.exc.DBAPIError) and are_connections_taken(error.orig):
            return f"all connections of the server are taken ({_one_line(error)})"
        return None

    retries = RetryPolicy(TAKEN_SECONDS, TAKEN_WAIT, TAKEN_WAIT)
    try:
        return retries.retry(action, taken, f"storage {shown(url)}")
    except OutageError as error:
        raise StorageError(
            f"storage {shown(url)}: {error.reason}: close some, or raise its max_connections; a search takes "
            "three, a dashboard four"
        ) from error.__cause__


def patiently(
    action: Callable[[], T], attempts: int = 6, errors: tuple[type[Exception], ...] = UNFINISHED
) -> T:
    """Repeat `action` while it fails by `errors`, because another process creates the same database."""
    for attempt in range(attempts):
        try:
            return action()
        except errors:
            if attempt == attempts - 1:
                raise
            time.sleep(0.05 * 2**attempt / 4)
    raise AssertionError("unreachable")


def _migrate(engine: Engine) -> None:
    """Bring our tables up to date.

    Raises:
        StorageError: a later version of this package has brought them further.
    """
    config = Config()  # no alembic.ini: works from an installed package
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            if not isinstance(error.__cause__, ResolutionError):
                raise
            raise StorageError(
                f"storage {shown(engine.url)}: a later version of nas-students has changed its tables "
                f"({_one_line(error)}): install that version"
            ) from error


def unwritable(url: URL, path: Path, error: Exception) -> str:
    return (
        f"storage {shown(url)} can't be used: {_one_line(error)}; check that {path} is a SQLite database (or "
        f"not there yet) and that {path.parent} can be written"
    )


def _driver(url: URL) -> str:
    """How to install the driver of a server."""
    return install("postgres") if url.drivername == "postgresql+psycopg" else "pip install the driver"


def _one_line(error: BaseException) -> str:
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig is not None else error
    lines = str(cause).strip().splitlines()
    return (lines[0] if lines else type(cause).__name__).rstrip(".:; ")
