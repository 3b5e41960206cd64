"""The lease of a study: a row that names the driver that holds it, kept alive by a heartbeat.

See `distill.storage.lease` for what leases are, and for that of a folder.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import CursorResult, Engine
from sqlalchemy.orm import Session

from nas.database.outages import DatabaseOutageError, Retries
from nas.database.tables import LeaseRow
from nas.errors import SearchError, StudyError

HEARTBEAT_SECONDS = 10.0
EXPIRY_SECONDS = 60.0
STALE_SECONDS = 40.0  # without a confirmed heartbeat, by our own clock: ask before anything else is done
RETURN_SECONDS = 5.0  # that giving the lease back may take: it ends by itself, too
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
OF_LEASE = "nas_lease"  # execution option of the lease's own statements
FENCED = "nas_fenced"  # in a connection's `info`: whether its transaction holds the lease's row

log = logging.getLogger(__name__)


class Lease:
    """The right to write to a study, until another driver takes it over.

    Every transaction that writes first updates the lease's row, where its token is still ours, and so holds
    that row until it ends (`fenced`): whoever takes the lease over waits for it, and nothing follows.
    """

    def __init__(self, engine: Engine, study: str, token: str) -> None:
        self._engine = engine
        self._study = study
        self._token = token
        self._lost: str | None = None  # to whom, in words
        self._confirmed = _elapsed()  # when the last heartbeat began that was committed
        self._released = threading.Event()

    @property
    def token(self) -> str:
        """What tells this holder from all others."""
        return self._token

    def check(self) -> None:
        """Check that the lease is ours; the database is asked only if the heartbeat has stopped.

        Raises:
            StudyError: another driver has taken the study over, because our heartbeat stopped.
            DatabaseOutageError: the database can't be asked.
        """
        if self._lost is not None:
            raise self._taken_over()
        if _elapsed() - self._confirmed > STALE_SECONDS:
            self.renew()

    def renew(self) -> None:
        """Write a heartbeat; raises what `check` does."""
        began = _elapsed()
        with self._engine.begin() as connection:
            self.hold(connection)
        self._confirmed = began

    @property
    def is_ours(self) -> bool:
        """Whether the database says now that the lease is ours; False where it can't be asked."""
        try:
            self.renew()
        except (StudyError, SearchError, DatabaseOutageError, sa.exc.SQLAlchemyError):
            return False
        return True

    def hold(self, connection: sa.Connection) -> None:
        """Hold the lease's row until the transaction of `connection` ends, and write a heartbeat.

        Raises:
            StudyError: the row is another driver's.
        """
        ours = sa.update(LeaseRow).where(LeaseRow.study == self._study, LeaseRow.token == self._token)
        options = {OF_LEASE: True}
        values = {"heartbeat": _clock(connection)}
        if connection.execute(ours.values(**values), execution_options=options).rowcount == 0:
            holder = sa.select(LeaseRow.pid, LeaseRow.host, LeaseRow.since)
            row = connection.execute(holder.where(LeaseRow.study == self._study)).first()
            self._lost = "another driver, which has ended" if row is None else f"pid {row.pid} on {row.host}"
            raise self._taken_over()

    def _taken_over(self) -> StudyError:
        return StudyError(
            f"study {self._study!r} was taken over by {self._lost}, because this driver showed no sign of "
            f"life for {EXPIRY_SECONDS:.0f} s; it has written nothing since: let that one finish"
        )

    def _beat(self) -> None:
        while not self._released.wait(HEARTBEAT_SECONDS):
            try:
                self.renew()
            except (sa.exc.SQLAlchemyError, DatabaseOutageError, SearchError) as error:  # the next one may be
                log.debug("the heartbeat of study %r could not be written: %s", self._study, error)
            except StudyError:
                return


@contextmanager
def study_lease(engine: Engine, study: str, retries: Retries) -> Iterator[Lease]:
    """Hold the lease of `study`; `retries` outlast outages while it is taken and given back.

    Raises:
        StudyError: another driver holds it.
        SearchError: an outage of the database lasted too long.
    """
    token = uuid.uuid4().hex
    retries(lambda: _take(engine, study, token))
    held = Lease(engine, study, token)
    heart = threading.Thread(target=held._beat, name=f"lease of {study}", daemon=True)
    heart.start()
    try:
        yield held
    finally:
        held._released.set()
        heart.join(timeout=HEARTBEAT_SECONDS)
        try:
            brief = retries.within(RETURN_SECONDS)
            brief(lambda: _give_back(engine, study, token))
        except (sa.exc.SQLAlchemyError, SearchError) as error:
            log.warning("the lease of study %r could not be given back, it ends by itself: %s", study, error)


@contextmanager
def fenced(engine: Engine, lease: Lease) -> Iterator[None]:
    """Have every transaction that writes on `engine` hold `lease` while the block runs.

    A transaction of a driver that has lost it raises StudyError at its first write.
    """

    def begin(connection: sa.Connection) -> None:
        connection.info[FENCED] = False

    def execute(
        connection: sa.Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        options = {} if context is None else context.execution_options
        if connection.info.get(FENCED) or OF_LEASE in options or WRITES.match(statement) is None:
            return
        connection.info[FENCED] = True
        lease.hold(connection)

    event.listen(engine, "begin", begin)
    event.listen(engine, "before_cursor_execute", execute)
    try:
        yield
    finally:
        event.remove(engine, "begin", begin)
        event.remove(engine, "before_cursor_execute", execute)


def _take(engine: Engine, study: str, token: str) -> None:
    """Write our token into the lease row: insert it where there is none, swap a dead holder's token for ours.

    Both are single statements that succeed for one taker only; whoever loses looks again, at a live holder.
    """
    while True:
        with Session(engine) as session:  # only reads: SQLite must not upgrade it to a writing transaction
            now = _now(session)
            holder = session.get(LeaseRow, study)
        if holder is not None and holder.token == token:
            return  # taken before, by a commit whose acknowledgement was lost
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
                swap = sa.update(LeaseRow).where(
                    LeaseRow.study == study,
                    LeaseRow.token == holder.token,
                    LeaseRow.heartbeat == holder.heartbeat,  # it may have come back to life since
                )
                if _rows(session, swap.values(**mine)):
                    log.info("took study %r over from pid %d on %s", study, holder.pid, holder.host)
                    return
        except sa.exc.IntegrityError:  # somebody else inserted first
            continue


def _give_back(engine: Engine, study: str, token: str) -> None:
    ours = sa.delete(LeaseRow).where(LeaseRow.study == study, LeaseRow.token == token)
    with engine.begin() as connection:
        connection.execute(ours, execution_options={OF_LEASE: True})


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


@dataclass(frozen=True)
class Holder:
    """Who holds the lease of a study, as its row says; times are the database's."""

    host: str
    pid: int
    since: float  # seconds since 1970
    heartbeat: float  # the last one, seconds since 1970
    silent: float  # seconds between it and now
    alive: bool  # else the next driver takes the lease over

    @property
    def expired(self) -> bool:
        """Whether it has shown no sign of life for too long."""
        return self.silent > EXPIRY_SECONDS


def lease_holder(engine: Engine, study: str) -> Holder | None:
    """Who holds the lease of `study`, dead or alive; None where nobody does. Only reads."""
    with Session(engine) as session:
        row = session.get(LeaseRow, study)
        if row is None:
            return None
        now = _now(session)
        silent = abs(now - row.heartbeat)
        return Holder(row.host, row.pid, row.since, row.heartbeat, silent, _alive(row, now))


def is_held(engine: Engine, study: str) -> bool:
    """Whether a living driver holds the lease of `study`."""
    holder = lease_holder(engine, study)
    return holder is not None and holder.alive


def _alive(holder: LeaseRow, now: float) -> bool:
    """Whether the holder shows signs of life.

    A heartbeat that is to come is one from before the clock was set back: on this machine the process says
    whether its holder lives; one elsewhere writes another, or has expired.
    """
    is_here, silent = holder.pid_space == pid_space(), now - holder.heartbeat
    if silent > EXPIRY_SECONDS or (silent < -EXPIRY_SECONDS and not is_here):
        return False
    return not is_here or pid_alive(holder.pid)


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


def _elapsed() -> float:
    """Seconds of a clock that is never set, and that runs while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _now(session: Session) -> float:
    """Seconds since 1970. Drivers on several hosts share the server's clock; a SQLite file has one host."""
    return float(session.execute(sa.select(_clock(session.connection()))).scalar_one())


def _clock(connection: sa.Connection) -> sa.ColumnElement[float]:
    """The clock that `_now` reads, as an expression of SQL."""
    if connection.dialect.name == "postgresql":
        return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
    return sa.literal(time.time(), sa.Double)


def _rows(session: Session, statement: sa.Update) -> int:
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount
