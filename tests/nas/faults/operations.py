"""Every operation of a search that may fail, counted, and one of them failed: its plan has no holes.

Python's audit hooks see every file that is opened, renamed, linked or removed, whoever does it. Commits,
statements and syncs are seen where they are made, and calls of Ray in the stubs that stand for it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy.engine.default import DefaultDialect

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = ("os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod")  # audit events of one path

T = TypeVar("T")


class Fault(Enum):
    """How an operation fails."""

    ONCE = "fails once"
    FOR_GOOD = "fails, and everything after it"
    ACKNOWLEDGEMENT = "is carried out, and fails nevertheless"
    KILLED = "the process ends"


class KilledError(BaseException):
    """Stands for kill -9: nobody catches it, and nothing that follows has an effect."""


class BusyError(sqlite3.OperationalError):
    """What SQLite raises when another process has written for longer than the time-out."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY


@dataclass
class Operations:
    """Counts the operations of this thread, those on files below `folder`; fails number `at`, from 1.

    With `statements` each statement that reads or writes the database is an operation, too, beside commits.
    """

    folder: Path
    at: int | None = None
    fault: Fault = Fault.ONCE
    statements: bool = False
    seen: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    _thread: int = field(default_factory=threading.get_ident)

    def happens(self, what: str) -> bool:
        """Count an operation; whether it fails."""
        if threading.get_ident() != self._thread:  # a heartbeat, or a listener: when it comes is chance
            return False
        self.seen.append(what)
        lasts = self.fault in (Fault.FOR_GOOD, Fault.KILLED)
        fails = self.at is not None and (len(self.seen) == self.at or (lasts and len(self.seen) > self.at))
        if fails:
            self.failed.append(what)
        return fails

    def on_file(self, what: str, path: Any) -> None:
        """Count an operation on a file of ours, and raise if it fails."""
        if not isinstance(path, str | bytes | os.PathLike):
            return
        name = os.fsdecode(path)
        if name.startswith(str(self.folder)) and self.happens(f"{what} {_kind(Path(name))}"):
            self._end_if_killed()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)

    def on_commit(self, commit: Callable[[], None], rollback: Callable[[], None]) -> None:
        """Count a commit; a failing one is made only where its acknowledgement alone is lost."""
        if not self.happens("commit"):
            commit()
            return
        if self.fault == Fault.ACKNOWLEDGEMENT:
            commit()
        else:
            rollback()
        self._end_if_killed()
        raise BusyError("database is locked")

    def on_statement(self, statement: str) -> None:
        """Count a statement, and raise if it fails."""
        if self.statements and self.happens(f"statement {statement.split(maxsplit=1)[0].upper()}"):
            self._end_if_killed()
            raise BusyError("database is locked")

    def on_call(self, what: str, call: Callable[[], T], lost: Callable[[], Exception]) -> T:
        """Count a call of Ray; a failing one raises `lost`, made or not."""
        if not self.happens(f"Ray: {what}"):
            return call()
        self._end_if_killed()
        if self.fault == Fault.ACKNOWLEDGEMENT:
            call()
        raise lost()

    def _end_if_killed(self) -> None:
        if self.fault == Fault.KILLED:
            raise KilledError


def can_be_unacknowledged(operation: str) -> bool:
    """Whether an operation takes effect elsewhere, so that its answer may be lost."""
    return operation == "commit" or operation.startswith("Ray: ")


_current: list[Operations] = []


def call(what: str, action: Callable[[], T], lost: Callable[[], Exception]) -> T:
    """Carry out a call of Ray, as an operation of the search that is being watched."""
    return _current[-1].on_call(what, action, lost) if _current else action()


def _kind(path: Path) -> str:
    """What a path is, without what is chance in its name."""
    return path.suffix or ("folder" if path.is_dir() or "." not in path.name else path.name)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _current:
        return
    if event == "open":
        path, mode, flags = arguments
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (mode is None and flags & WRITING):
            _current[-1].on_file("write", path)
        elif isinstance(path, str | bytes | os.PathLike) and os.path.exists(path):
            _current[-1].on_file("read", path)
    elif event in ("os.rename", "os.link", "os.symlink"):
        _current[-1].on_file(event.removeprefix("os."), arguments[1])
    elif event in CHANGES:
        _current[-1].on_file(event.removeprefix("os."), _absolute(arguments))


def _absolute(arguments: tuple[Any, ...]) -> Any:
    """The path of an audit event; some are relative to a folder's descriptor, the last argument."""
    path, descriptor = arguments[0], arguments[-1]
    if len(arguments) > 1 and isinstance(path, str) and isinstance(descriptor, int) and descriptor >= 0:
        return path if os.path.isabs(path) else f"{os.readlink(f'/proc/self/fd/{descriptor}')}/{path}"
    return path


_audited: list[bool] = []


@contextmanager
def watched(operations: Operations) -> Iterator[None]:
    """Send the operations of this process to `operations` while the block runs."""
    if not _audited:
        sys.addaudithook(_audit)  # for the rest of the process
        _audited.append(True)
    commit, execute, sync = DefaultDialect.do_commit, DefaultDialect.do_execute, os.fsync

    def do_commit(dialect: Any, connection: Any) -> None:
        operations.on_commit(lambda: commit(dialect, connection), connection.rollback)

    def do_execute(
        dialect: Any, cursor: Any, statement: str, parameters: Any, context: Any | None = None
    ) -> None:
        operations.on_statement(statement)
        execute(dialect, cursor, statement, parameters, context)

    def fsync(descriptor: Any) -> None:
        operations.on_file("fsync", os.readlink(f"/proc/self/fd/{_number(descriptor)}"))
        sync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DefaultDialect, "do_commit", do_commit)
        patch.setattr(DefaultDialect, "do_execute", do_execute)
        patch.setattr(os, "fsync", fsync)
        _current.append(operations)
        try:
            yield
        finally:
            _current.pop()


def _number(descriptor: Any) -> int:
    return descriptor if isinstance(descriptor, int) else int(descriptor.fileno())


@dataclass
class Plan:
    """What has failed, by kind of operation; printed when it has been carried out."""

    fault: Fault
    failed: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        counts = ", ".join(f"{what} {count}" for what, count in sorted(self.failed.items()))
        return f"{self.fault.value}: {sum(self.failed.values())} operations ({counts})"
