"""A study in another database or folder, with its files: `nas-study copy`. Whole, or not there at all."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from distill.storage import scratch_folder, sweep
from nas.config import DATABASE
from nas.database import parse_url, same_database, sqlite_path
from nas.errors import SearchError, StudyError, WorkdirError
from nas.passwords import without_password
from nas.study import StudyStore
from nas.upkeep.collection import check_own_folder
from nas.upkeep.file_copies import (
    check_room,
    compared_checkpoints,
    copy_files,
    differing_files,
    files_to_copy,
    write_settings,
)
from nas.upkeep.leftovers import remove
from nas.upkeep.transfer import copy_records, differing_records
from search_spaces import count_of, os_reason
from search_spaces.reading import sync_folder

SCRATCH_PREFIX = ".copying-"
MARK = ".copied"  # a file in a folder that is in place before its study is
UNFINISHED = " (being copied, {})"  # after the name of a study in a database
OnPart = Callable[[str, int, int], None]


class Copied(BaseModel):
    """What was copied and compared."""

    model_config = ConfigDict(frozen=True)

    study: str
    storage: str  # of the copy, without its password
    folder: str  # of the copy
    trials: int
    rungs: int
    files: int
    bytes: int
    checkpoints: int  # that have the digest of their record
    notes: list[str]


def copy_study(
    store: StudyStore, folder: Path, workdir: Path, storage: str = "", on_part: OnPart | None = None
) -> Copied:
    """Copy a study and its files, and compare the copy with it.

    Args:
        store, folder: the study, and where its files are. Its lease is held meanwhile.
        workdir: gets the copy's folder, of the study's name.
        storage: URL of the copy's database; empty for a SQLite file in its folder.
        on_part: receives what is copied, how much of it, and of how much.

    Raises:
        StudyError: a driver runs the study, or there is one of its name.
        StorageError: the database can't be used.
        WorkdirError: a file can't be read or written, or there is no room.
        SearchError: the copy is not like the study; it is removed.
    """
    check_own_folder(store, folder)
    _check_target(store, folder, workdir, storage)
    say = on_part or (lambda what, done, total: None)
    try:
        with ExitStack() as stack:
            if not store.is_copy:  # what can't be written has no driver
                stack.enter_context(store.lease())
            workdir.mkdir(parents=True, exist_ok=True)
            sweep(workdir, f"{SCRATCH_PREFIX}*", marked=True)
            if _finish_earlier(store.name, workdir, storage):
                raise StudyError(_exists(store.name, workdir, storage))
            scratch = stack.enter_context(scratch_folder(workdir, SCRATCH_PREFIX))
            return _copy(store, folder, scratch / store.name, workdir, storage, say)
    except OSError as error:
        raise WorkdirError(
            f"{error.filename or workdir} can't be copied ({os_reason(error)}): nothing was left of the "
            "copy; mend it or give another --to-workdir"
        ) from error


def _copy(store: StudyStore, folder: Path, made: Path, workdir: Path, storage: str, say: OnPart) -> Copied:
    """Copy to `made`, then move everything to its place."""
    files, place = (
        files_to_copy(folder),
        {"workdir": str(workdir.resolve()), "storage": without_password(storage)},
    )
    check_room(files, workdir)
    made.mkdir()
    size, trials = sum(size for _, size in files), len(store.study.get_trials(deepcopy=False))
    digests = copy_files(files, folder, made, lambda done: say("files", done, size))
    write_settings(made, place)
    target = workdir / store.name
    with _records(store, made, storage) as copy:
        copy_records(store, copy, place, lambda done: say("trials", done, trials))
        differ = differing_records(store, copy, place) + differing_files(digests, made)
        if differ:
            raise SearchError(f"the copy differs in {', '.join(differ[:5])}: it is removed, copy again")
        rungs = store.rungs()
        if storage:
            (made / MARK).touch()
            os.rename(made, target)
            try:
                copy.rename(store.name)
            except BaseException:
                remove(target)
                raise
            with suppress(OSError):  # the next copy removes it, too
                (target / MARK).unlink()
    if not storage:
        os.rename(made, target)
    sync_folder(workdir)
    fitting, gone, damaged = compared_checkpoints(rungs, digests)
    notes = [f"{path} has another SHA-256 than its record, in the study as in the copy" for path in damaged]
    if gone:
        what = count_of(gone, "checkpoint")
        notes.append(f"{what} not copied: not there, deleted by --keep, nas-study gc or by hand")
    return Copied(
        study=store.name,
        storage=copy.url if storage else f"sqlite:///{target / DATABASE}",
        folder=str(target),
        trials=trials,
        rungs=len(rungs),
        files=len(files),
        bytes=size,
        checkpoints=fitting,
        notes=notes,
    )


@contextmanager
def _records(store: StudyStore, made: Path, storage: str) -> Iterator[StudyStore]:
    """A new study for the records: in a file of `made`, or in `storage`, unnamed yet; an error deletes it."""
    if not storage:
        with StudyStore.open(f"sqlite:///{made / DATABASE}", store.name) as copy, copy.lease():
            yield copy
        return
    name = store.name + UNFINISHED.format(uuid.uuid4().hex[:8])
    with StudyStore.open(storage, name) as copy, copy.lease():
        try:
            yield copy
        except BaseException:
            copy.delete()
            raise


def _finish_earlier(name: str, workdir: Path, storage: str) -> bool:
    """Finish or remove what a copy left that was killed; whether there is a finished one in the end."""
    target = workdir / name
    if storage:
        file = sqlite_path(parse_url(storage))  # made by the copy where it is not there
        known = StudyStore.names(storage) if file is None or file.exists() else []
        pattern = re.compile(re.escape(name) + re.escape(UNFINISHED).replace(r"\{\}", "[0-9a-f]{8}"))
        for each in filter(pattern.fullmatch, known):
            with StudyStore.open(storage, each, create=False) as unfinished:
                if not unfinished.has_driver:
                    with unfinished.lease():
                        unfinished.delete()
        if (target / MARK).exists() and name not in known:
            remove(target)
        with suppress(FileNotFoundError):
            (target / MARK).unlink()
        if name in known:
            return True
    return os.path.lexists(target)


def _check_target(store: StudyStore, folder: Path, workdir: Path, storage: str) -> None:
    """Refuse to copy a study onto itself, or into its folder, which goes as a whole when it is deleted.

    Raises:
        StudyError: it has the same folder, or one below it, or the same database.
    """
    if workdir.resolve().is_relative_to(folder.resolve()):
        raise StudyError(
            f"{workdir} is in the folder of study {store.name!r}, {folder}: give another --to-workdir"
        )
    if (workdir / store.name).resolve() == folder.resolve():
        raise StudyError(f"study {store.name!r} is in {workdir}: give another --to-workdir")
    if storage and same_database(storage, store.url):
        raise StudyError(
            f"study {store.name!r} is in {without_password(storage)}: give another --to, or leave it out for "
            "a SQLite file in the new folder"
        )


def _exists(name: str, workdir: Path, storage: str) -> str:
    where = f"{workdir / name} or in {without_password(storage)}" if storage else f"{workdir / name}"
    return f"there is a study {name!r} in {where} already: give another place, or nas-study delete that one"
