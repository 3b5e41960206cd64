"""Where an existing study is: by name, or the newest in a work folder."""

from __future__ import annotations

from pathlib import Path

from nas.errors import StudyError
from nas.study.attributes import StudyAttributes
from nas.study.store import StudyStore


def open_existing(workdir: Path, study: str, storage: str) -> tuple[StudyStore, Path]:
    """Open a study to read it.

    Args:
        workdir: folder of runs.
        study: its name; empty for the last searched in `workdir`, or the last made in `storage`.
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
    store = StudyStore.open(storage, name, create=False)
    noted = Path(StudyAttributes.from_study(store.study).config.get("workdir", workdir))
    return store, (workdir if (workdir / name).is_dir() else noted) / name


def _newest(workdir: Path) -> str:
    found = [path.parent for path in workdir.glob("*/study.db")]
    if not found:
        raise StudyError(f"there is no study in {workdir}: run nas-search first, or name its --workdir")
    return max(found, key=_searched).name


def _searched(folder: Path) -> float:
    """Time of the study's last search; readers change the database file, too, so its time is no guide."""
    settings = folder / "config.toml"
    return (settings if settings.exists() else folder / "study.db").stat().st_mtime


def _last(names: list[str], storage: str) -> str:
    if not names:
        raise StudyError(f"there is no study in {storage}: run nas-search first")
    return names[-1]
