"""What killed runs left in a study's folder: unfinished files, scratch folders, files of no trial."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import optuna
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import FrozenTrial

from distill.storage import SCRATCH, is_abandoned
from nas.study import REPORT, TRIALS, StudyStore

PARTIAL = ".*.partial"  # of a file that is written whole


def remove_unfinished(store: StudyStore, folder: Path) -> None:
    """Delete what a killed driver had begun to write in a study's folder; the lease must be held.

    Folders of no trial stay: a database that lost its last commits makes their trials again.

    Raises:
        OSError: a file can't be deleted.
    """
    for place in (folder, *_folders(folder / TRIALS)):
        for path in place.glob(PARTIAL):
            remove(path)
    for path in list(_artifacts_of_none(store, folder / "artifacts")):
        remove(path)


def leftovers(store: StudyStore, folder: Path) -> Iterator[Path]:
    """Files and folders below `folder` that nobody needs once no driver runs its study.

    Links are neither followed nor named. The order is that of deletion.
    """
    yield from folder.glob(PARTIAL)
    yield from (each for each in folder.glob(SCRATCH) if is_abandoned(each))
    numbers = {trial.number for trial in store.study.get_trials(deepcopy=False)}
    for place in _folders(folder / TRIALS):
        if place.name.isdigit() and int(place.name) not in numbers:
            yield place
            continue
        yield from (path for path in (place / REPORT,) if path.is_file())
        yield from place.glob(PARTIAL)
        yield from (each for each in place.glob(SCRATCH) if is_abandoned(each))
    yield from _artifacts_of_none(store, folder / "artifacts")


def _artifacts_of_none(store: StudyStore, artifacts: Path) -> Iterator[Path]:
    """Artifacts that neither the study nor a trial has: the driver was killed before it noted them."""
    if not _is_folder(artifacts):
        return
    owners: list[optuna.Study | FrozenTrial] = [store.study, *store.study.get_trials(deepcopy=False)]
    known = {
        meta.artifact_id for owner in owners for meta in get_all_artifact_meta(owner, storage=store.storage)
    }
    yield from (path for path in sorted(artifacts.iterdir()) if path.name not in known)


def remove(path: Path) -> None:
    """Delete a file, a link, or a folder with its contents; one that is gone is no error.

    Raises:
        OSError: it can't be deleted.
    """
    with suppress(FileNotFoundError):
        if _is_folder(path):
            shutil.rmtree(path)
        else:
            path.unlink()


def _folders(parent: Path) -> list[Path]:
    """The folders in `parent`, in order; none where it is not there. Links are no folders."""
    return [each for each in sorted(parent.iterdir()) if _is_folder(each)] if _is_folder(parent) else []


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
