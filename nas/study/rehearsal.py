"""What a search finds in its folder and database before it writes anything."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import optuna
import sqlalchemy as sa

from nas.config import SearchConfig
from nas.database import LeaseRow, check_free, connect, optuna_storage, parse_url, sqlite_path, unwritable
from nas.errors import StorageError, WorkdirError
from nas.study.opening import check_identity, check_origin, check_purpose, identity_part
from search_spaces import os_reason
from search_spaces.reading import check_writable


def check_study(config: SearchConfig, identity: Mapping[str, str], assumed: Mapping[str, str]) -> None:
    """Refuse what a search with these settings would be refused for; `identity` as in `StudyStore.open`.

    Raises:
        WorkdirError: the study's folder can't be made or written.
        StorageError: the database can't be used.
        StudyError: the study belongs to something else.
    """
    url = parse_url(config.storage_url)
    path = sqlite_path(url)
    try:
        check_writable(config.folder)
    except OSError as error:
        reason = os_reason(error)
        raise WorkdirError(
            f"{config.folder} can't be written ({reason}): choose another --workdir"
        ) from error
    if path is None or os.path.exists(path):
        if _is_known(config):
            with _known_study(config) as study:
                check_origin(study, create=False)
                check_identity(study, identity, assumed, config.names, save=False)
                check_purpose(study, finalists_of="")
        return
    try:
        check_writable(path.parent)
    except OSError as error:
        raise StorageError(unwritable(url, path, error)) from error


def check_no_driver(config: SearchConfig) -> None:
    """Refuse a study that a living driver runs, before work is done for it; its lease is taken later.

    Raises:
        StorageError: the database can't be used.
        StudyError: a driver runs it.
    """
    with _engine(config) as engine:
        if engine is not None and sa.inspect(engine).has_table(LeaseRow.__tablename__):
            check_free(engine, config.study)


def recorded_part(config: SearchConfig, part: str) -> str:
    """A part of the identity of the study of `config`; empty where there is no such study with trials.

    Raises:
        StorageError: the database can't be used.
    """
    if not _is_known(config):
        return ""
    with _known_study(config) as study:
        return identity_part(study, part)


def _is_known(config: SearchConfig) -> bool:
    """Whether the database has a study of this name."""
    with _engine(config) as engine:
        return engine is not None and _has_study(engine, config.study)


@contextmanager
def _known_study(config: SearchConfig) -> Iterator[optuna.Study]:
    """The study of `config`, which is in the database, for reading."""
    storage = optuna_storage(parse_url(config.storage_url))
    try:
        yield optuna.load_study(storage=storage, study_name=config.study)
    finally:
        storage.engine.dispose()


@contextmanager
def _engine(config: SearchConfig) -> Iterator[sa.Engine | None]:
    """The database as it is, for reading; None where there is no file of it."""
    url = parse_url(config.storage_url)
    path = sqlite_path(url)
    if path is not None and not os.path.exists(path):  # False also for names that are too long
        yield None
        return
    engine = connect(url, create=False, migrate=False)
    try:
        yield engine
    finally:
        engine.dispose()


def _has_study(engine: sa.Engine, name: str) -> bool:
    studies = sa.table("studies", sa.column("study_name"))
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(studies.name):
            return False
        found = connection.execute(sa.select(studies.c.study_name).where(studies.c.study_name == name))
        return found.first() is not None
