"""Deletion of a study with everything that is its own: `nas-study delete`."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from nas.config import CACHE, DATABASE, SETTINGS
from nas.errors import StudyError, WorkdirError
from nas.study import DRIVER, FolderOwner, StudyAttributes, StudyStore, has_settings_of, open_all
from nas.upkeep.collection import check_can_be_changed, check_own_folder
from nas.upkeep.leftovers import remove
from search_spaces import os_reason

TABLES = ("studies", "nas_leases")  # a database with a row in none of them is nobody's


def finalists_of(store: StudyStore, workdir: Path, storage: str) -> list[str]:
    """Names of the studies beside `store` that train its finalists, which refer to it."""
    found = []
    for other, _ in open_all(workdir, storage):
        with other:
            if StudyAttributes.from_study(other.study).finalists_of == store.name:
                found.append(other.name)
    return sorted(found)


def own_files(store: StudyStore, folder: Path) -> Path | None:
    """`folder` where everything in it is the study's own; None where there is none.

    Raises:
        StudyError: it is that of a study in another database, or nothing in it says that it is the study's.
    """
    check_own_folder(store, folder)
    if not folder.is_dir():
        return None
    inside = store.sqlite_file is not None and store.sqlite_file.resolve() == (folder / DATABASE).resolve()
    is_empty = {path.name for path in folder.iterdir()} <= {DRIVER}  # an interrupted deletion came so far
    if folder.name in (CACHE, "..") or not (inside or is_empty or has_settings_of(folder, store.name)):
        raise StudyError(
            f"{folder} has no settings of study {store.name!r}: give its --workdir, or delete the folder "
            "yourself"
        )
    return folder


def delete_study(store: StudyStore, folder: Path) -> None:
    """Delete the study, its trials, rungs and lease, and its folder; `store` is closed.

    Objects that an interrupted search has left in an object store go first, where it can be reached, then
    files, so that the same command goes on where this one is killed. A SQLite file in the folder goes last,
    locked against others, and only if it has no further study.

    Raises:
        StudyError: a driver runs the study, or `folder` is not its own.
        WorkdirError: a file can't be deleted.
    """
    from nas.exchange import remove_objects  # imports Ray, which other commands need not wait for

    check_can_be_changed(store)
    place = own_files(store, folder)
    try:
        with store.lease() as lease:
            remove_objects(StudyAttributes.from_study(store.study).config)
            if place is not None:
                FolderOwner(place, lease.token).claim()  # workers of a driver that lost its lease stop
                _remove_contents(store, place)
            store.delete()
        store.close()
        if place is not None:
            _remove_folder(place)
    except OSError as error:
        raise WorkdirError(
            f"{error.filename or folder} can't be deleted ({os_reason(error)}): mend its rights, then run "
            "the same command again"
        ) from error


def _remove_contents(store: StudyStore, folder: Path) -> None:
    """Delete everything in `folder` but its database; last what says that it is the study's."""
    for path in sorted(folder.iterdir(), key=lambda path: (path.name == SETTINGS, path)):
        if not path.name.startswith(DATABASE):
            store.check_lease()
            remove(path)


def _remove_folder(folder: Path) -> None:
    """Delete the database of no study in `folder`, then the folder if nothing else has come into it."""
    database = folder / DATABASE
    if database.is_file() and not _remove_database(database):
        return
    with suppress(OSError):  # somebody has put a file there meanwhile
        if folder.is_symlink():
            folder.unlink()
        else:
            folder.rmdir()


def _remove_database(path: Path) -> bool:
    """Delete the SQLite file `path` and what is beside it, unless a study is in it; whether it is gone.

    It is locked meanwhile: who waits for the lock then finds a file that can't be written any more, and says
    so.
    """
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        if any(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES):
            connection.execute("ROLLBACK")
            return False
        for name in _beside(path):
            name.unlink(missing_ok=True)
    for name in _beside(path):  # closing may write them again
        name.unlink(missing_ok=True)
    return True


def _beside(path: Path) -> Sequence[Path]:
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]
