"""Leases: the right to write to a place, which one process at a time holds.

The lease of a folder is a lock of the operating system: it ends with its process. The lease of a study,
`nas.database.lease`, is a row of the study's database, because drivers on several machines compete for it. A
heartbeat shows that the holder is alive; a token fences it off after another driver took over.
Files that are written once and then only read (images, teacher caches, statistics) need no lease: each
process writes its own copy and moves it to its place whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = "lock"  # a file in the folder


class LeaseHeldError(Exception):
    """Another process holds the lease."""


@contextmanager
def folder_lease(folder: Path) -> Iterator[None]:
    """Hold the lease of `folder` while the block runs; makes the folder if needed.

    Raises:
        LeaseHeldError: another process holds it.
        OSError: the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise LeaseHeldError(f"another process holds the lease of {folder}") from None
    try:
        yield
    finally:
        lock.release()
