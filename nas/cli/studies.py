"""The study that a command reads, or all, by the options `--study`, `--workdir` and `--storage`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from nas.cli.command import echo, results
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


def list_studies(workdir: Path, storage: str, *, as_json: bool) -> None:
    """Print all studies of a work folder or a database, the newest first; stderr says which can't be read.

    Raises:
        StudyError: there is none.
        StorageError: the database can't be used.
    """
    from nas.reporting import render_studies, summarise
    from nas.study import open_all

    studies = []
    for store, folder in open_all(workdir, storage, lambda why: echo(f"note: {why}", err=True)):
        with store:
            studies.append(summarise(store, folder))
    if as_json:
        results().print_json(json.dumps([each.model_dump() for each in studies]))
    else:
        results().print(render_studies(studies))
