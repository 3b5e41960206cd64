"""Several writes of Optuna's storage in one transaction, by SQLAlchemy's own means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from optuna.storages import RDBStorage
from sqlalchemy.orm import Session, scoped_session, sessionmaker


@contextmanager
def one_transaction(storage: RDBStorage) -> Iterator[sa.Connection]:
    """Have all that `storage` writes while the block runs be one transaction, which its end commits.

    The block is given the transaction's connection, for further writes. An error rolls everything back. No
    other thread may use `storage` meanwhile.
    """
    own = storage.scoped_session
    with storage.engine.begin() as connection:
        storage.scoped_session = scoped_session(
            sessionmaker(bind=connection, class_=_HeldSession, autoflush=False)
        )
        session = storage.scoped_session()
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
        """Nothing: the transaction stays open."""

    def close(self) -> None:
        """Nothing: what it has loaded serves the next operation."""
