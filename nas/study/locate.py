"""Where existing studies are: by name, the newest with a result, or all of a work folder or database."""

from __future__ import annotations

from collections.abc import Callable, Container
from pathlib import Path

from optuna.trial import TrialState

from nas.config import DATABASE, SETTINGS
from nas.errors import StorageError, StudyError
from nas.passwords import without_password
from nas.study.attributes import StudyAttributes
from nas.study.opening import no_study
from nas.study.store import StudyStore
from search_spaces import one_line


def open_existing(workdir: Path, study: str, storage: str) -> tuple[StudyStore, Path]:
    """Open a study to read it.

    Args:
        workdir: folder of runs.
        study: its name; empty for the last searched in `workdir`, or the last made in `storage`. One with a
            complete trial comes before those without.
        storage: SQLAlchemy URL; empty for the SQLite file in the study's folder.

    Returns:
        The study, and its folder.

    Raises:
        StudyError: there is none.
        StorageError: the database can't be used.
    """
    if study:
        _check_place(study, storage or str(workdir))
    if study and not storage and not (workdir / study / DATABASE).exists():
        raise no_study(study, study_names(workdir, storage))
    names = [study] if study else study_names(workdir, storage)
    newest, error = None, None
    for name in names:
        try:
            store, folder = _open(workdir, name, storage)
        except (StudyError, StorageError) as reason:
            error = error or reason
            continue
        if study or has_result(store):
            if newest is not None:
                newest[0].close()
            return store, folder
        if newest is None:
            newest = store, folder
        else:
            store.close()
    if newest is not None:
        return newest
    assert error is not None
    raise error


def open_all(
    workdir: Path,
    storage: str,
    skipped: Callable[[str], None] = lambda reason: None,
    known: Container[str] = (),
) -> list[tuple[StudyStore, Path]]:
    """Open all studies to read them, with their folders: the last searched or made first.

    Args:
        workdir: folder of runs.
        storage: SQLAlchemy URL; empty for the SQLite files in the studies' folders.
        skipped: receives why a study can't be opened.
        known: names of studies to leave out.

    Raises:
        StudyError: there is none.
        StorageError: the database can't be used.
    """
    found = []
    for name in study_names(workdir, storage):
        if name in known:
            continue
        try:
            found.append(_open(workdir, name, storage))
        except (StudyError, StorageError) as error:
            skipped(str(error))
    return found


def study_names(workdir: Path, storage: str) -> list[str]:
    """Names of all studies, the last searched in `workdir` or made in `storage` first; at least one.

    Raises:
        StudyError: there is none.
        StorageError: the database can't be used.
    """
    if storage:
        names = StudyStore.names(storage)[::-1]
        if not names:
            raise StudyError(f"there is no study in {storage}: run nas-search first")
        return names
    folders = [path.parent for path in workdir.glob(f"*/{DATABASE}")]
    if not folders:
        raise StudyError(f"there is no study in {workdir}: run nas-search first, or name its --workdir")
    return [folder.name for folder in sorted(folders, key=_searched, reverse=True)]


def has_result(store: StudyStore) -> bool:
    """Whether a trial of the study is complete."""
    return bool(store.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))


def _open(workdir: Path, name: str, storage: str) -> tuple[StudyStore, Path]:
    _check_place(name, storage or str(workdir))
    url = storage or f"sqlite:///{workdir / name / DATABASE}"
    store = StudyStore.open(url, name, create=False)
    noted = Path(StudyAttributes.from_study(store.study).config.get("workdir", workdir))
    return store, (workdir if (workdir / name).is_dir() else noted) / name


def _check_place(name: str, where: str) -> None:
    """Refuse a study whose folder would lie elsewhere than beside the others: a database may hold any name.

    Raises:
        StudyError: its name is a path.
    """
    if "\0" in name or name == ".." or Path(name).name != name:
        raise StudyError(
            f"--study {one_line(name, 80)}: its folder would lie outside of the work folder; name a study of "
            f"{without_password(where)} without / and .. in its name"
        )


def _searched(folder: Path) -> float:
    """Time of the study's last search; readers change the database file, too, so its time is no guide."""
    settings = folder / SETTINGS
    return (settings if settings.exists() else folder / DATABASE).stat().st_mtime
