"""Optuna's storage over our database, made like our engine."""

from __future__ import annotations

from optuna.storages import RDBStorage
from sqlalchemy.engine import URL

from nas.database.connection import engine_arguments, patiently, prepare
from nas.database.urls import shown
from nas.errors import StorageError


def optuna_storage(url: URL) -> RDBStorage:
    """Optuna's storage in the database `url`, whose tables it makes.

    Raises:
        StorageError: another version of Optuna made its tables.
    """

    def construct() -> RDBStorage:
        return RDBStorage(url.render_as_string(hide_password=False), engine_arguments(url))

    try:
        storage = patiently(construct)
    except RuntimeError as error:  # tables of another version; the message names the command that mends it
        raise StorageError(f"storage {shown(url)}: {error}") from error
    prepare(storage.engine)
    storage.engine.dispose()  # connections that were opened before `prepare`
    return storage
