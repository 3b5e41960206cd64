"""The URL of a study's database: read, shown without its password, compared."""

from __future__ import annotations

import os
import re
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from nas.errors import StorageError
from nas.passwords import MASK, has_unquoted_at, without_password


def parse_url(url: str) -> URL:
    """Read a storage URL.

    Raises:
        StorageError: it is no URL, its password has an unquoted @, or it is an in-memory database.
    """
    if has_unquoted_at(url):  # a part of the password would be read as the host, and shown
        raise StorageError(
            f"storage {without_password(url)} has an @ too many: write @ of a password as %40 "
            "and / as %2F, or leave the password to PGPASSFILE or PGPASSWORD"
        )
    try:
        parsed = _read(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise StorageError(
            f"storage {without_password(url)!r} is not a URL: give for example "
            "sqlite:///nas-runs/study.db or postgresql+psycopg://user@host/database"
        ) from error
    if MASK in (parsed.password, *parsed.query.values()):
        raise StorageError(f"storage {url} has lost its password: give the whole URL by --storage")
    if is_sqlite(parsed) and parsed.database in (None, "", ":memory:"):
        raise StorageError(
            f"storage {shown(parsed)}: in-memory databases are not supported; name a file, sqlite:///study.db"
        )
    return parsed


def same_database(one: str, other: str) -> bool:
    """Whether two storage URLs name the same database; spelling and passwords are ignored."""
    return _place(one) == _place(other)


def _place(url: str) -> str:
    try:
        parsed = _read(without_password(url))
    except (sa.exc.ArgumentError, ValueError):  # of a file that others may write
        return url
    path = sqlite_path(parsed)
    return shown(parsed) if path is None else str(path.resolve())


def _read(url: str) -> URL:
    """The URL with its driver, and a file in a home folder (`sqlite:///~/study.db`) by its whole path."""
    parsed = make_url(re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url))
    at_home = is_sqlite(parsed) and (parsed.database or "").startswith("~")
    return parsed.set(database=os.path.expanduser(str(parsed.database))) if at_home else parsed


def shown(url: URL) -> str:
    """The URL as messages show it, without its password."""
    return without_password(url.render_as_string(hide_password=False))


def sqlite_path(url: URL) -> Path | None:
    """The file of a SQLite URL, None for a server."""
    if not is_sqlite(url) or url.database is None:
        return None
    return Path(url.database.removeprefix("file:").partition("?")[0])


def is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"
