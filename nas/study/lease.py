"""The lease of a study: a row that names the driver that holds it, kept alive by a heartbeat.

See `distill.storage.lease` for what leases are, and for that of a folder.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult, Engine
from sqlalchemy.orm import Session

from nas.errors import StudyError
from nas.study.tables import LeaseRow

HEARTBEAT_SECONDS = 10.0
EXPIRY_SECONDS = 60.0

log = logging.getLogger(__name__)


class Lease:
    """The right to write to a study, as long as `check` passes; its holder checks before every write."""

    def __init__(self, engine: Engine, study: str, token: str) -> None:
        self._engine = engine
        self._study = study
        self._token = token
        self._lost = threading.Event()
        self._released = threading.Event()

    def check(self) -> None:
        """Raise StudyError when another driver has taken the study over, because our heartbeat stopped."""
        if self._lost.is_set():
            raise StudyError(
                f"study {self._study!r} was taken over by another driver because this one showed no sign of "
                f"life for {EXPIRY_SECONDS:.0f} s; let that one finish"
            )

    def _beat(self) -> None:
        while not self._released.wait(HEARTBEAT_SECONDS):
            try:
                with Session(self._engine) as session, session.begin():
                    mine = _rows(
                        session,
                        sa.update(LeaseRow)
                        .where(LeaseRow.study == self._study, LeaseRow.token == self._token)
                        .values(heartbeat=_now(session)),
                    )
            except sa.exc.SQLAlchemyError as error:
                log.warning(
                    "the heartbeat of study %r could not be written, trying again: %s", self._study, error
                )
                continue
            if not mine:
                self._lost.set()
                return


@contextmanager
def study_lease(engine: Engine, study: str) -> Iterator[Lease]:
    """Hold the lease of `study`.

    Raises:
        StudyError: another driver holds it.
    """
    token = uuid.uuid4().hex
    _take(engine, study, token)
    held = Lease(engine, study, token)
    heart = threading.Thread(target=held._beat, name=f"lease of {study}", daemon=True)
    heart.start()
    try:
        yield held
    finally:
        held._released.set()
        heart.join(timeout=HEARTBEAT_SECONDS)
        try:
            with Session(engine) as session, session.begin():
                session.execute(sa.delete(LeaseRow).where(LeaseRow.study == study, LeaseRow.token == token))
        except sa.exc.SQLAlchemyError as error:
            log.warning("the lease of study %r could not be given back, it ends by itself: %s", study, error)


def _take(engine: Engine, study: str, token: str) -> None:
    """Write our token into the lease row: insert it where there is none, swap a dead holder's token for ours.

    Both are single statements that succeed for one taker only; whoever loses looks again, at a live holder.
    """
    while True:
        with Session(engine) as session:  # only reads: SQLite must not upgrade it to a writing transaction
            now = _now(session)
            holder = session.get(LeaseRow, study)
        _check_free(holder, now)
        mine = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "pid_space": pid_space(),
            "token": token,
            "since": now,
            "heartbeat": now,
        }
        try:
            with Session(engine) as session, session.begin():
                if holder is None:
                    session.execute(sa.insert(LeaseRow).values(study=study, **mine))
                    return
                swap = sa.update(LeaseRow).where(LeaseRow.study == study, LeaseRow.token == holder.token)
                if _rows(session, swap.values(**mine)):
                    log.info("took study %r over from pid %d on %s", study, holder.pid, holder.host)
                    return
        except sa.exc.IntegrityError:  # somebody else inserted first
            continue


def check_free(engine: Engine, study: str) -> None:
    """Check that no driver holds the lease of `study`, without taking it.

    Raises:
        StudyError: a living one does.
    """
    with Session(engine) as session:
        _check_free(session.get(LeaseRow, study), _now(session))


def _check_free(holder: LeaseRow | None, now: float) -> None:
    if holder is not None and _alive(holder, now):
        raise StudyError(
            f"study {holder.study!r} is being run by pid {holder.pid} on {holder.host} since "
            f"{datetime.fromtimestamp(holder.since):%Y-%m-%d %H:%M:%S}; wait for it or stop it"
        )


def is_held(engine: Engine, study: str) -> bool:
    """Whether a living driver holds the lease of `study`."""
    with Session(engine) as session:
        holder = session.get(LeaseRow, study)
        return holder is not None and _alive(holder, _now(session))


def _alive(holder: LeaseRow, now: float) -> bool:
    if now - holder.heartbeat > EXPIRY_SECONDS:
        return False
    return holder.pid_space != pid_space() or pid_alive(holder.pid)


def pid_space() -> str:
    """The scope of our process ids: this boot of this machine, and in it this container.

    A host name is not enough: containers may share their host's name and not its processes.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:  # not Linux
        return socket.gethostname()


def pid_alive(pid: int) -> bool:
    """Whether a process of this machine is running; a zombie is not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (OSError, IndexError):
        return True


def _now(session: Session) -> float:
    """Seconds since 1970. Drivers on several hosts share the server's clock; a SQLite file has one host."""
    if session.get_bind().dialect.name == "postgresql":
        return float(session.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    return time.time()


def _rows(session: Session, statement: sa.Update) -> int:
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount
