"""Where an existing study is: by name, or the newest in a work folder."""

from __future__ import annotations

from pathlib import Path

from nas.errors import StudyError
from nas.study import StudyStore


def open_existing(workdir: Path, study: str, storage: str) -> tuple[StudyStore, Path]:
    """Open a study to read it.

    Args:
        workdir: folder of runs.
        study: its name; empty for the newest in `workdir`, or the newest of `storage`.
        storage: SQLAlchemy URL; empty for the SQLite file in the study's folder.

    Returns:
        The study, and its folder.

    Raises:
        StudyError: there is none.
        StorageError: the database can't be used.
    """
    if storage:
        name = study or _last(StudyStore.names(storage), storage)
    else:
        name = study or _newest(workdir)
        storage = f"sqlite:///{workdir / name / 'study.db'}"
    return StudyStore.open(storage, name, create=False), workdir / name


def _newest(workdir: Path) -> str:
    found = sorted(workdir.glob("*/study.db"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise StudyError(f"there is no study in {workdir}: run nas-search first, or name its --workdir")
    return found[-1].parent.name


def _last(names: list[str], storage: str) -> str:
    if not names:
        raise StudyError(f"there is no study in {storage}: run nas-search first")
    return names[-1]
