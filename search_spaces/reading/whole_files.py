"""Files that are written whole or not at all, also when several processes write the same one."""

from __future__ import annotations

import errno
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LOSSES = (errno.EIO, errno.ENOSPC, errno.EDQUOT)  # errors of a sync after which what was written may be gone


@contextmanager
def written_whole(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """A file to write; it appears at `path` when the block ends without an error, else it is deleted.

    A link at `path` is replaced, not followed. With `durable` the file and its name are on the disk when the
    block has ended: a power failure leaves the former file or this one.

    Raises:
        OSError: the folder is not there or can't be written.
    """
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")  # `path` may have the longest name
    try:
        with partial.open("xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
        if durable:
            sync_folder(path.parent)
    finally:
        partial.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on the disk, where its file system can do that.

    Raises:
        OSError: the folder can't be read, or the disk has failed or is full.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in LOSSES:  # others are of network file systems that sync no folders
            raise
    finally:
        os.close(descriptor)


def check_writable(folder: Path) -> None:
    """Raise OSError unless a file can be made in `folder`, or in the nearest folder above it."""
    nearest = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    with tempfile.TemporaryFile(dir=nearest):
        pass
