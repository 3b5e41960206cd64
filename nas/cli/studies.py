"""The study that a command reads, by the options `--study`, `--workdir` and `--storage`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.cli.command import echo
from nas.options import StudyOptions

if TYPE_CHECKING:
    from nas.study import StudyStore


def open_asked(asked: StudyOptions) -> tuple[StudyStore, Path]:
    """The study and its folder; without `--study`, stderr names later ones that have nothing to show yet.

    Raises:
        StudyError: there is none.
        StorageError: the database can't be used.
    """
    from nas.study import open_existing, study_names

    store, folder = open_existing(asked.workdir, asked.study, asked.storage)
    if not asked.study:
        names = study_names(asked.workdir, asked.storage)
        for name in names[: names.index(store.name)]:
            echo(
                f"note: this is {store.name}; {name} is newer and has no complete trial (--study {name})",
                err=True,
            )
    return store, folder
