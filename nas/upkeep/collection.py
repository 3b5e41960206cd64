"""Removal of what a study does not need any more: `nas-study gc`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from nas.errors import StudyError, WorkdirError
from nas.options import Keep
from nas.reporting import read_report
from nas.study import FolderOwner, StudyAttributes, StudyStore, other_database
from nas.upkeep.disk import DiskUse, disk_use, files_below
from nas.upkeep.leftovers import leftovers, remove
from nas.upkeep.retention import dispensable
from search_spaces import os_reason


class Collected(BaseModel):
    """What was removed, or would be: paths relative to the study's folder."""

    model_config = ConfigDict(frozen=True)

    study: str
    folder: str
    keep: Keep
    dry_run: bool
    checkpoints: list[str]  # of trials that do not stay
    leftovers: list[str]  # of killed runs
    lost: list[str]  # checkpoints that were to stay, for which all others stay
    freed: int  # bytes
    before: DiskUse
    after: DiskUse


def collect_garbage(store: StudyStore, folder: Path, keep: Keep, *, dry_run: bool = False) -> Collected:
    """Delete checkpoints by the rule of `keep` and what killed runs left, while the study's lease is held.

    No checkpoint is deleted where one that is to stay is lost.

    Args:
        store: the study.
        folder: where it is.
        keep: whose checkpoints stay.
        dry_run: only look; the lease is not taken.

    Raises:
        StudyError: a driver runs the study, or `folder` is that of a study in another database.
        WorkdirError: something can't be deleted.
    """
    check_own_folder(store, folder)
    store.check_no_driver()
    before = disk_use(folder)
    with ExitStack() as stack:
        if not dry_run:
            check_can_be_changed(store)
            lease = stack.enter_context(store.lease())
            if folder.is_dir():
                with _nothing_deleted(folder):
                    FolderOwner(folder, lease.token).claim()  # workers of a driver that lost its lease stop
        unneeded, lost = list[Path](), list[str]()
        if StudyAttributes.from_study(store.study).config:  # else no trial has been trained
            with _nothing_deleted(folder):
                unneeded, lost = dispensable(read_report(store, folder), keep)
        left = list(leftovers(store, folder))
        freed = sum(_size(path) for path in (*unneeded, *left))
        if not dry_run:
            for path in (*unneeded, *left):
                store.check_lease()
                try:
                    remove(path)
                except OSError as error:
                    raise WorkdirError(
                        f"{path} can't be deleted ({os_reason(error)}): what was deleted before is gone; "
                        "mend its rights, then run the same command again"
                    ) from error
    return Collected(
        study=store.name,
        folder=str(folder),
        keep=keep,
        dry_run=dry_run,
        checkpoints=[str(path.relative_to(folder)) for path in unneeded],
        leftovers=[str(path.relative_to(folder)) for path in left],
        lost=lost,
        freed=freed,
        before=before,
        after=disk_use(folder),
    )


@contextmanager
def _nothing_deleted(folder: Path) -> Iterator[None]:
    """Raise WorkdirError where the disk fails before anything is deleted."""
    try:
        yield
    except OSError as error:
        raise WorkdirError(
            f"{error.filename or folder}: {os_reason(error)}: nothing was deleted; mend the disk or its "
            "rights, then run the same command again"
        ) from error


def check_own_folder(store: StudyStore, folder: Path) -> None:
    """Check that `folder` is not that of a study of the same name in another database.

    Raises:
        StudyError: it is.
    """
    if other := other_database(folder, store.url):
        raise StudyError(
            f"{folder} belongs to study {store.name!r} in {other}, not in {store.url}: give the --workdir of "
            "this one"
        )


def check_can_be_changed(store: StudyStore) -> None:
    """Check that this process may write the study's database.

    Raises:
        StudyError: it may not.
    """
    if store.is_copy:
        raise StudyError(
            f"storage {store.url} can't be written: run this as the user whose study {store.name!r} is"
        )


def _size(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        return sum(size for _, size in files_below(path))
    return path.lstat().st_size
