"""Scratch folders: files are made there, then moved to their place whole.

Its owner keeps a file in it locked. The lock ends with the process, so that what a killed one leaves is known
at once on the same machine; from another machine, or another boot, only the time of the last write tells.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OWNER = ".owner"  # the locked file
SCRATCH = ".*-*"  # names of scratch folders beside what is made in them
ABANDONED_SECONDS = 3600  # without a write: the process that owned the folder is gone


@contextmanager
def scratch_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A folder of this process in `parent` while the block runs."""
    with tempfile.TemporaryDirectory(dir=parent, prefix=prefix) as made, owned(Path(made)):
        yield Path(made)


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Mark `folder` as that of a living process while the block runs."""
    new = folder / f"{OWNER}-new"  # in its place only when locked: `sweep` never sees it without its lock
    with new.open("w") as file:
        file.write(_boot())
        file.flush()
        with suppress(OSError):  # no locks on this file system: the time of the last write decides
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.rename(folder / OWNER)
        yield


def sweep(folder: Path, pattern: str = SCRATCH, *, marked: bool = False) -> int:
    """Remove scratch folders of this user in `folder` that killed processes have left; returns how many.

    With `marked`, only folders that were `owned`: others of such a name may be of another program.
    """
    removed = 0
    for scratch in folder.glob(pattern):
        with suppress(OSError, ValueError):
            if (not marked or (scratch / OWNER).exists()) and is_abandoned(scratch):
                _remove(scratch)
                removed += not scratch.exists()
    return removed


def is_abandoned(scratch: Path) -> bool:
    """Whether `scratch` is a scratch folder of this user whose process is gone."""
    try:
        about = scratch.lstat()
        mine = scratch.is_dir() and not scratch.is_symlink() and about.st_uid == os.getuid()
        return mine and _has_no_owner(scratch)
    except (OSError, ValueError):
        return False


def _remove(scratch: Path) -> None:
    """Remove the folder, its mark last: what a process that is ending still writes goes at the next sweep."""
    for entry in scratch.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != OWNER:
            entry.unlink()
    if all(entry.name == OWNER for entry in scratch.iterdir()):
        shutil.rmtree(scratch, ignore_errors=True)


def _has_no_owner(scratch: Path) -> bool:
    owner = scratch / OWNER
    if owner.exists():
        with os.fdopen(os.open(owner, os.O_RDWR | os.O_NOFOLLOW), "r+") as file:
            if file.read() == _boot():
                return _can_lock(file.fileno())
    newest = max(path.lstat().st_mtime for path in (scratch, *scratch.rglob("*")))
    return time.time() - newest > ABANDONED_SECONDS


def _can_lock(descriptor: int) -> bool:
    """Whether no living process of this machine holds the lock; it is given back when the file is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _boot() -> str:
    """This boot of this machine: locks of its processes can be seen."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # not Linux
        return socket.gethostname()
