"""Several writes of Optuna's storage in one transaction, by SQLAlchemy's own means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from optuna.storages import RDBStorage
from sqlalchemy.orm import Session


@contextmanager
def one_transaction(storage: RDBStorage) -> Iterator[sa.Connection]:
    """Have all that `storage` writes while the block runs be one transaction, which its end commits.

    The block is given the transaction's connection, for further writes. An error rolls everything back. No
    other thread may use `storage` meanwhile.
    """
    own = storage.scoped_session
    with storage.engine.begin() as connection:
        session = _HeldSession(bind=connection, autoflush=False)
        storage.scoped_session = _Always(session)
        try:
            yield connection
            session.flush()
        finally:
            storage.scoped_session = own
            session.expunge_all()


class _HeldSession(Session):
    """A session that others commit and close after each of their operations, which then does nothing.

    So new rows of one table become one statement, at the end.
    """

    def commit(self) -> None:
        """Nothing: the transaction goes on."""

    def close(self) -> None:
        """Nothing: what it has loaded serves the next operation."""


class _Always:
    """In place of a registry of sessions: there is this one."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(self, **_: Any) -> Session:
        return self._session

    def remove(self) -> None:
        """Nothing: see `_HeldSession.close`."""
