"""Drivers as processes of their own: a search of stubs that takes its time, to be stopped and killed.

They are forked: starting Python and importing Ray and PyTorch takes ten times as long as such a search.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import sqlalchemy as sa
from rich.console import Console

from nas.config import SearchConfig
from nas.database import LeaseRow, Rung, connection
from nas.database import lease as leases
from nas.errors import SearchError
from nas.workbench import Workbench
from search_spaces import UserError
from tests.nas.faults import stub_search
from tests.nas.faults.stub_search import StubCandidate, run_stub_search

UNTOLD = 70  # exit code of a driver that could not print why it ended
PATIENCE = 240.0  # seconds: the machine may be busy
QUICK = (0.2, 1.5, 1.0)  # heartbeat every, expiry, stale: seconds

Run = Callable[[Workbench, Console], None]


class Driver:
    """A forked driver; like `subprocess.Popen` with its output in files."""

    def __init__(self, pid: int, out: Path, err: Path) -> None:
        self.pid, self.returncode = pid, None
        self._out, self._err = out, err

    returncode: int | None

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it lives."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its exit code, once it has ended."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            assert time.monotonic() < deadline, self.where()
            time.sleep(0.01)
        return code

    def send(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9; its workers live on."""
        self.send(signal.SIGKILL)
        self.wait(PATIENCE)

    def said(self) -> tuple[str, str]:
        """What it has printed so far, on stdout and on stderr."""
        return self._out.read_text(), self._err.read_text()

    def where(self) -> str:
        """What it has said, and what its threads do now, for a test that has waited for too long."""
        self.send(signal.SIGUSR1)
        time.sleep(1.0)
        return f"driver {self.pid} lives on: {self.said()}"

    def clean(self) -> None:
        """End it and everything that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.poll()


def start(
    bench: Workbench,
    *,
    pause: float,
    heartbeat: tuple[float, float, float] = (10.0, 60.0, 40.0),
    run: Run = run_stub_search,
    clock: Path | None = None,
    logs: Path | None = None,
) -> Driver:
    """Start a driver.

    Args:
        bench: of its search.
        pause: seconds that a rung takes.
        heartbeat: how often it writes one, when it expires, when it is stale; seconds.
        run: the search.
        clock: a file with seconds by which its clock is wrong.
        logs: folder of what it prints; by default that of the work folder.
    """
    folder = bench.config.workdir.parent if logs is None else logs
    number = len(list(folder.glob("*.out")))
    out, err = folder / f"{number}.out", folder / f"{number}.err"
    out.touch()
    err.touch()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Driver(pid, out, err)
    code = UNTOLD
    try:
        os.setsid()
        _redirect(out, err)
        leases.HEARTBEAT_SECONDS, leases.EXPIRY_SECONDS, leases.STALE_SECONDS = heartbeat
        connection.IDLE_SECONDS = heartbeat[1]
        if clock is not None:
            _read_clock(clock)
        code = _search(bench, pause, run)
    except BaseException:
        with suppress(OSError):
            traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _search(bench: Workbench, pause: float, run: Run) -> int:
    """Run the search as the command does; its exit code."""
    measure = StubCandidate._measure

    def slow(candidate: StubCandidate, student: Any, images: int, losses: Mapping[str, float]) -> Any:
        time.sleep(pause)
        return measure(candidate, student, images, losses)

    with mock.patch.object(stub_search.StubCandidate, "_measure", slow):
        try:
            run(bench, Console(file=sys.stdout, width=200))
        except (UserError, SearchError) as error:
            try:
                print(f"nas-search: {error}", file=sys.stderr)
            except OSError:  # the disk of its output is full
                return UNTOLD
            return 2 if isinstance(error, UserError) else 1
    return 0


def _redirect(out: Path, err: Path) -> None:
    """Have the process write to files, and nothing of pytest's be left in it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0)
    logging.root.handlers.clear()
    for descriptor, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY)
        os.dup2(file, descriptor)
        os.close(file)
    faulthandler.register(signal.SIGUSR1)
    sys.stdout, sys.stderr = (os.fdopen(n, "w", buffering=1, closefd=False) for n in (1, 2))


def _read_clock(clock: Path) -> None:
    """Have the process's clock be wrong by what the file `clock` says."""
    right = time.time

    def wrong() -> float:
        try:
            return right() + float(clock.read_text())
        except (OSError, ValueError):
            return right()

    time.time = wrong


def rungs_recorded(config: SearchConfig) -> int:
    """Rungs in the study of `config`; 0 while its database can't be read."""
    engine = sa.create_engine(config.storage_url)
    try:
        with engine.connect() as reading:
            count = sa.select(sa.func.count()).select_from(Rung).where(Rung.study == config.study)
            return int(reading.execute(count).scalar_one())
    except sa.exc.SQLAlchemyError:
        return 0
    finally:
        engine.dispose()


def wait_for(
    condition: Callable[[], bool], *drivers: Driver | subprocess.Popen[str], seconds: float = PATIENCE
) -> None:
    """Wait until `condition` holds while all `drivers` run."""
    deadline = time.monotonic() + seconds
    while not condition():
        for driver in drivers:
            said = driver.said if isinstance(driver, Driver) else driver.communicate
            assert driver.poll() is None, said()
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.01)


def suspend_between_writes(driver: Driver, config: SearchConfig) -> None:
    """Stop `driver` at a moment at which it does not hold its lease's row, or the file of SQLite."""
    while True:
        driver.send(signal.SIGSTOP)
        if _is_writable(config.storage_url):
            return
        driver.send(signal.SIGCONT)
        time.sleep(0.05)


def _is_writable(url: str) -> bool:
    is_sqlite = url.startswith("sqlite")
    engine = sa.create_engine(url, connect_args={"timeout": 0.2} if is_sqlite else {})
    try:
        with engine.begin() as writing:
            if not is_sqlite:
                writing.execute(sa.text("SET LOCAL lock_timeout = '200ms'"))
            writing.execute(sa.update(LeaseRow).values(host=LeaseRow.host))
    except sa.exc.OperationalError:
        return False
    finally:
        engine.dispose()
    return True
