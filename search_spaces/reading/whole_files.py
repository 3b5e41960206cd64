"""Files that are written whole or not at all, also when several processes write the same one."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write; it appears at `path` when the block ends without an error, else it is deleted.

    Raises:
        OSError: the folder is not there or can't be written.
    """
    partial = path.with_name(f".{uuid.uuid4().hex}.partial")  # `path` may have the longest name
    try:
        with partial.open("wb") as file:
            yield file
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Raise OSError unless a file can be made in `folder`, or in the nearest folder above it."""
    nearest = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    with tempfile.TemporaryFile(dir=nearest):
        pass
