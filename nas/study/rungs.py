"""The table of rungs, which Optuna knows nothing of."""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from nas.database import Rung
from nas.study.records import RungRecord


def read_rungs(engine: Engine, study: str, trial: int | None = None) -> list[RungRecord]:
    """The rungs of one trial of `study`, or of all, by trial and rung."""
    query = sa.select(Rung).where(Rung.study == study).order_by(Rung.trial, Rung.rung)
    if trial is not None:
        query = query.where(Rung.trial == trial)
    with Session(engine) as session:
        return [_record(row) for row in session.scalars(query)]


def write_rungs(connection: sa.Connection, study: str, records: Sequence[RungRecord]) -> None:
    """Write `records` in place of those of the same trials and rungs of `study`."""
    for record in records:
        key = {"study": study, "trial": record.trial, "rung": record.rung}
        connection.execute(sa.delete(Rung).filter_by(**key))
        values = record.model_dump() | {"losses": json.dumps(record.losses)}
        connection.execute(sa.insert(Rung).values(study=study, **values))


def delete_rungs(engine: Engine, study: str) -> None:
    """Delete all rungs of `study`, which `optuna delete-study` leaves behind."""
    with Session(engine) as session, session.begin():
        session.execute(sa.delete(Rung).where(Rung.study == study))


def _record(row: Rung) -> RungRecord:
    values = {field: getattr(row, field) for field in RungRecord.model_fields}
    return RungRecord(**values | {"losses": json.loads(row.losses)})
