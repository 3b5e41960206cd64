"""Optuna's storage over our database, made like our engine."""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.engine import URL

from nas.database.connection import (
    UNFINISHED,
    engine_arguments,
    patiently,
    prepare,
    unusable,
    when_connections_are_free,
)
from nas.database.urls import shown
from nas.errors import StorageError


def optuna_storage(url: URL) -> RDBStorage:
    """Optuna's storage in the database `url`, whose tables it makes.

    Raises:
        StorageError: another version of Optuna made its tables, the role may not make them, they can't be
            read or written, or the server has no connection left.
    """

    def construct() -> RDBStorage:
        try:
            return RDBStorage(url.render_as_string(hide_password=False), engine_arguments(url))
        except StorageInternalError as error:  # of a failed commit: what failed is what callers know
            if isinstance(error.__cause__, sa.exc.DBAPIError):
                raise error.__cause__ from None
            raise

    try:
        storage = when_connections_are_free(
            lambda: patiently(construct, errors=(*UNFINISHED, StorageInternalError)), url
        )
    except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
        raise unusable(url, error) from error
    except StorageInternalError as error:  # its cause says more
        cause = error.__cause__
        raise unusable(url, cause if isinstance(cause, Exception) else error) from error
    except RuntimeError as error:  # tables of another version; the message names the command that mends it
        raise StorageError(f"storage {shown(url)}: {error}") from error
    prepare(storage.engine)
    storage.engine.dispose()  # connections that were opened before `prepare`
    return storage
