"""Outages of the database: recognised in one place, and outlasted by repeating what failed.

A connection that breaks while it commits leaves unknown whether the transaction was committed. Only writes
that may be repeated are therefore given to `Retries`.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from nas.errors import SearchError

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

log = logging.getLogger(__name__)

T = TypeVar("T")


class DatabaseOutageError(Exception):
    """A statement failed because the database could not be reached, or another writer held it for too long.

    No subclass of SQLAlchemy's errors: Optuna repeats some statements that fail by those, and would make a
    trial twice.
    """


@contextmanager
def outages_translated(engine: Engine) -> Iterator[None]:
    """Raise DatabaseOutageError for what fails on `engine` by an outage while the block runs."""
    event.listen(engine, "handle_error", _translate)
    try:
        yield
    finally:
        event.remove(engine, "handle_error", _translate)


def _translate(context: ExceptionContext) -> Exception | None:
    """The error that replaces an outage's, or that of a database without room; None for other errors."""
    error = context.original_exception
    if not isinstance(error, Exception):  # Ctrl-C, by which the connection is lost as well
        return None
    lines = str(error).strip().splitlines()
    reason = lines[0] if lines else type(error).__name__
    if context.is_disconnect or _is_transient(error):
        return DatabaseOutageError(reason)
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


def _remedy(error: DatabaseOutageError) -> str:
    if isinstance(error.__cause__, sqlite3.Error):  # nobody serves it: its file is locked
        return "end the process that has locked its file (it may be suspended)"
    return "start the database"


@dataclass(frozen=True)
class Retries:
    """Repeats what fails by an outage, waiting longer each time, until the outage has lasted `seconds`."""

    storage: str  # URL without its password, for messages
    seconds: float = 900.0
    first_wait: float = 0.25
    longest_wait: float = 10.0

    def __call__(self, action: Callable[[], T], again: Callable[[], T] | None = None) -> T:
        """The result of `action`.

        Args:
            action: what may fail.
            again: what replaces it after the first failure: it finds out whether the failed attempt was
                committed. By default `action`, which must then be idempotent.

        Raises:
            SearchError: the outage lasted too long.
        """
        began, wait, failures = time.monotonic(), self.first_wait, 0
        while True:
            try:
                result = action() if failures == 0 or again is None else again()
            except DatabaseOutageError as error:
                failures += 1
                left = self.seconds - (time.monotonic() - began)
                if left <= 0:
                    raise SearchError(
                        f"{self.storage} has not answered for {self.seconds:.0f} s ({error}): what was "
                        f"recorded is kept; {_remedy(error)}, then run the same command again"
                    ) from error
                if failures == 2:  # one is a connection from before the server was started again
                    log.warning(
                        "%s does not answer (%s): trying again for %.0f s, workers train on",
                        *(self.storage, error, self.seconds),
                    )
                time.sleep(min(wait, left))
                wait = min(2 * wait, self.longest_wait)
            else:
                if failures > 1:
                    log.warning("%s answers again after %.0f s", self.storage, time.monotonic() - began)
                return result
