"""Outages of the database: recognised in one place, and outlasted by repeating what failed.

A connection that breaks while it commits leaves unknown whether the transaction was committed. Only writes
that may be repeated are therefore given to `Retries`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain, repeat
from typing import TypeVar

from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from nas.errors import SearchError
from nas.retrying import DEFAULT_RETRIES, OutageError, RetryPolicy

TRANSIENT_STATES = (
    "08",  # connection exceptions
    "25P03",  # idle in a transaction for too long: the driver was suspended
    "40001",  # serialization failure
    "40P01",  # deadlock
    "53300",  # too many connections
    "57P01",  # terminated by an administrator
    "57P02",  # the server crashed
    "57P03",  # the server starts up or shuts down
)
"""How SQLSTATEs of failures begin that end by themselves (PostgreSQL manual, appendix A)."""
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)  # another process writes, for longer than the time-out

UNWRITABLE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY)
UNWRITABLE_STATES = ("53100", "25006")  # the disk is full; a read-only transaction, as of a standby
FORBIDDEN_STATE = "42501"  # the role lacks a privilege
TAKEN_STATE, TAKEN = "53300", ("too many clients", "remaining connection slots", "too many connections")
"""Of a server all of whose connections are taken; while it is connected to, there is the text alone."""

AWAY = "start the database"
LOCKED = "end the process that has locked its file (it may be suspended)"  # nobody serves SQLite's

T = TypeVar("T")


class DatabaseOutageError(SearchError):
    """A statement failed because the database could not be reached, or another writer held it for too long.

    No subclass of SQLAlchemy's errors: Optuna repeats some statements that fail by those, and would make a
    trial twice.
    """

    def __init__(self, reason: str, remedy: str = AWAY) -> None:
        super().__init__(
            f"the database does not answer ({reason}): {remedy}, then run the same command again"
        )
        self.reason, self.remedy = reason, remedy


class LastingOutageError(SearchError):
    """The database has been away for too long to be waited for; `reason` is that of the last failure."""

    def __init__(self, storage: str, seconds: float, outage: DatabaseOutageError) -> None:
        super().__init__(
            f"{storage} has not answered for {seconds:.0f} s ({outage.reason}): what was recorded is kept; "
            f"{outage.remedy}, then run the same command again"
        )
        self.reason = outage.reason


def translate_outages(engine: Engine) -> None:
    """Raise DatabaseOutageError for what fails on `engine` by an outage from now on."""
    event.listen(engine, "handle_error", _translate)


def _translate(context: ExceptionContext) -> Exception | None:
    """The error that replaces an outage's, or that of a database without room; None for other errors."""
    if context.is_pre_ping:
        return None  # of a connection that was lost while nobody used it: the pool makes another
    error = context.original_exception
    if not isinstance(error, Exception):  # Ctrl-C, by which the connection is lost as well
        return None
    lines = str(error).strip().splitlines()
    reason = lines[0] if lines else type(error).__name__
    if context.is_disconnect or _is_transient(error):
        return DatabaseOutageError(reason, LOCKED if isinstance(error, sqlite3.Error) else AWAY)
    if is_forbidden(error):
        return SearchError(
            f"the database refuses its role ({reason}): grant what docs/postgresql.md lists, then run the "
            "same command again"
        )
    if _is_unwritable(error):
        return SearchError(
            f"the database can't be written ({reason}): what was recorded is kept; make room or mend the "
            "disk, then run the same command again"
        )
    return None


def is_forbidden(error: BaseException | None) -> bool:
    """Whether `error`, of the database's driver, says that the role lacks a privilege."""
    return getattr(error, "sqlstate", None) == FORBIDDEN_STATE


def are_connections_taken(error: BaseException | None) -> bool:
    """Whether `error`, of the database's driver, says that the server has no connection left."""
    return getattr(error, "sqlstate", None) == TAKEN_STATE or any(words in str(error) for words in TAKEN)


def _is_unwritable(error: BaseException) -> bool:
    if isinstance(error, sqlite3.Error):
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in UNWRITABLE
    return getattr(error, "sqlstate", None) in UNWRITABLE_STATES


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return (error.sqlite_errorcode & 0xFF) in BUSY  # the low byte, without what extends it
    if not hasattr(error, "sqlstate"):  # PostgreSQL's driver alone has it
        return False
    state: str | None = error.sqlstate
    cannot_connect = state is None and type(error).__name__ in ("OperationalError", "ConnectionTimeout")
    return cannot_connect or (state is not None and state.startswith(TRANSIENT_STATES))


@dataclass(frozen=True)
class Retries:
    """Repeats statements that fail by an outage of the database."""

    storage: str  # URL without its password, for messages
    policy: RetryPolicy = DEFAULT_RETRIES

    def within(self, seconds: float) -> Retries:
        """These, for an outage of at most `seconds`."""
        return replace(self, policy=replace(self.policy, timeout=min(seconds, self.policy.timeout)))

    def __call__(self, action: Callable[[], T], again: Callable[[], T] | None = None) -> T:
        """The result of `action`.

        Args:
            action: what may fail.
            again: what replaces it after the first failure: it finds out whether the failed attempt was
                committed. By default `action`, which must then be idempotent.

        Raises:
            LastingOutageError: the outage lasted too long.
        """
        attempts = chain([action], repeat(again or action))
        try:
            return self.policy.retry(lambda: next(attempts)(), _reason, self.storage)
        except OutageError as outage:
            cause = outage.__cause__
            assert isinstance(cause, DatabaseOutageError)
            raise LastingOutageError(self.storage, self.policy.timeout, cause) from cause


def _reason(error: Exception) -> str | None:
    """Why the database is away; None for an error that is no outage's."""
    return error.reason if isinstance(error, DatabaseOutageError) else None
