"""Every operation of a search that may fail, counted, and one of them failed: its plan has no holes.

Python's audit hooks see every file that is opened to be written, renamed or removed, whoever does it. Commits
and syncs are seen where they are made.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine.default import DefaultDialect

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Fault(Enum):
    """How an operation fails."""

    ONCE = "fails once"
    FOR_GOOD = "fails, and everything after it"
    ACKNOWLEDGEMENT = "a commit is made, and fails nevertheless"
    KILLED = "the process ends"


class KilledError(BaseException):
    """Stands for kill -9: nobody catches it, and nothing that follows has an effect."""


class BusyError(sqlite3.OperationalError):
    """What SQLite raises when another process has written for longer than the time-out."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY


@dataclass
class Operations:
    """Counts operations below `folder`; fails number `at`, from 1."""

    folder: Path
    at: int | None = None
    fault: Fault = Fault.ONCE
    seen: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def happens(self, what: str) -> bool:
        """Count an operation; whether it fails."""
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
        if name.startswith(str(self.folder)) and self.happens(f"{what} {Path(name).suffix or 'folder'}"):
            if self.fault == Fault.KILLED:
                raise KilledError
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
        if self.fault == Fault.KILLED:
            raise KilledError
        raise BusyError("database is locked")


_current: list[Operations] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _current:
        return
    if event == "open":
        path, mode, flags = arguments
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (mode is None and flags & WRITING):
            _current[-1].on_file("write", path)
    elif event == "os.rename":
        _current[-1].on_file("rename", arguments[1])
    elif event in ("os.remove", "os.mkdir", "os.rmdir"):
        _current[-1].on_file(event.removeprefix("os."), arguments[0])


_audited: list[bool] = []


@contextmanager
def watched(operations: Operations) -> Iterator[None]:
    """Send the operations of this process to `operations` while the block runs."""
    if not _audited:
        sys.addaudithook(_audit)  # for the rest of the process
        _audited.append(True)
    commit, sync = DefaultDialect.do_commit, os.fsync

    def do_commit(dialect: Any, connection: Any) -> None:
        operations.on_commit(lambda: commit(dialect, connection), connection.rollback)

    def fsync(descriptor: Any) -> None:
        operations.on_file("fsync", os.readlink(f"/proc/self/fd/{_number(descriptor)}"))
        sync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DefaultDialect, "do_commit", do_commit)
        patch.setattr(os, "fsync", fsync)
        _current.append(operations)
        try:
            yield
        finally:
            _current.pop()


def _number(descriptor: Any) -> int:
    return descriptor if isinstance(descriptor, int) else int(descriptor.fileno())
