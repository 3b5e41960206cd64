"""A copy of a SQLite file that this process may not write: SQLite needs to write even to read one."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.engine import URL

from nas.database.urls import sqlite_path


def readable(url: URL) -> tuple[URL, TemporaryDirectory[str] | None]:
    """The database `url`, or a copy of it where it is a SQLite file that can't be written, and its folder."""
    path = sqlite_path(url)
    if path is None or not path.is_file() or _is_writable(path):
        return url, None
    folder = TemporaryDirectory(prefix="nas-study-")
    copy = Path(folder.name) / path.name
    try:
        _copy(path, copy)
    except (OSError, sqlite3.Error):  # whoever opens the original says why
        folder.cleanup()
        return url, None
    return url.set(database=str(copy), query={}), folder


def _is_writable(path: Path) -> bool:
    """Whether SQLite can write the file, and its log beside it."""
    return all(os.access(place, os.W_OK) for place in (path, path.resolve().parent))


def _copy(path: Path, copy: Path) -> None:
    """Copy with what the log holds, also while another process writes."""
    try:
        source = f"{path.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(source, uri=True)) as one, closing(sqlite3.connect(copy)) as other:
            one.backup(other)
    except sqlite3.OperationalError:  # nobody has it open: files are at rest
        for suffix in ("", "-wal"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                shutil.copyfile(part, copy.with_name(copy.name + suffix))
