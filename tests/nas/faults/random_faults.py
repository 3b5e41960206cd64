"""Faults of processes, servers, disks and clocks, by kind: each does its harm to a driver that runs."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from nas.workbench import Workbench
from tests.nas.faults import drivers
from tests.nas.faults.drivers import QUICK, UNTOLD, Driver
from tests.nas.faults.postgres import Server
from tests.nas.faults.worker_processes import children, run_with_processes

PAUSE = 0.1  # seconds that a rung takes
HOUR = 3600.0
EXPECTED = {  # exit codes, and how the last line begins or what it has
    1: ("what was recorded is kept", "run the same command again"),
    2: ("was taken over by", "is being run by", "does not answer", "can't be used", "can't be written"),
}


@dataclass
class Episode:
    """One search, the driver that runs it, and what happens to it.

    Args:
        bench: of the search.
        server: of its database; None for SQLite.
        chance: decides on waits.
        place: folder of the clock, and of what drivers print.
    """

    bench: Workbench
    server: Server | None
    chance: random.Random
    place: Path
    stopped: list[int] = field(default_factory=list)  # workers, by process
    suspended: list[Driver] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    all_drivers: list[Driver] = field(default_factory=list)
    workers_harmed: set[str] = field(default_factory=set)  # how, since the driver was started

    @property
    def clock(self) -> Path:
        """The file that says how wrong the drivers' clock is."""
        return self.place / "clock"

    def start(self) -> Driver:
        """Give the command, once more or beside others."""
        driver = drivers.start(
            self.bench,
            pause=PAUSE,
            heartbeat=QUICK,
            run=run_with_processes,
            clock=self.clock,
            logs=self.place,
        )
        self.all_drivers.append(driver)
        return driver

    def check_end(self, driver: Driver) -> None:
        """Note what a driver should not have said at its end."""
        code, (_, said) = driver.returncode, driver.said()
        last = (said.strip().splitlines() or [""])[-1]
        if code == UNTOLD and "Traceback" not in said:  # its output could not be written, either
            return
        if code is not None and code > 0 and not any(part in last for part in EXPECTED.get(code, ())):
            self.complaints.append(f"exit code {code}: {said}")
        elif "Traceback" in said:
            self.complaints.append(f"a traceback, exit code {code}: {said}")

    def worker(self, driver: Driver) -> int | None:
        """A worker of the `driver` that has not been stopped."""
        found = children(driver.pid)
        if "raylet" not in found.values():  # what is there becomes the raylet
            return None
        return next(
            (pid for pid, name in found.items() if name != "raylet" and pid not in self.stopped), None
        )

    def wake(self) -> None:
        """Have all that was suspended go on, and end."""
        for driver in self.suspended:
            driver.send(signal.SIGCONT)
            driver.wait(drivers.PATIENCE)
            self.check_end(driver)
        for pid in self.stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.suspended.clear()


def kill_worker(episode: Episode, driver: Driver) -> bool:
    """kill -9 of a worker."""
    return _signal_worker(episode, driver, signal.SIGKILL)


def stop_worker(episode: Episode, driver: Driver) -> bool:
    """SIGSTOP of a worker, which is never to go on before the search has ended."""
    return _signal_worker(episode, driver, signal.SIGSTOP)


def _signal_worker(episode: Episode, driver: Driver, number: signal.Signals) -> bool:
    worker = episode.worker(driver)
    if worker is None or number.name in episode.workers_harmed:  # a trial gives up after a second hung one
        return False
    os.kill(worker, number)
    episode.workers_harmed.add(number.name)
    if number == signal.SIGSTOP:
        episode.stopped.append(worker)
    return True


def kill_raylet(episode: Episode, driver: Driver) -> bool:
    """kill -9 of the raylet, which ends the driver."""
    raylet = next((pid for pid, name in children(driver.pid).items() if name == "raylet"), None)
    if raylet is None:
        return False
    os.kill(raylet, signal.SIGKILL)
    driver.wait(drivers.PATIENCE)
    return True


def kill_driver(episode: Episode, driver: Driver) -> bool:
    """kill -9 of the driver; its worker trains on for a rung."""
    driver.kill()
    return driver.returncode != 0


def suspend_driver(episode: Episode, driver: Driver) -> bool:
    """SIGSTOP of the driver, until another one has ended the search."""
    driver.send(signal.SIGSTOP)
    if driver.poll() is not None:
        return False
    if episode.server is None and _is_locked(episode.bench.config.storage_url):
        driver.send(signal.SIGCONT)  # a file that it has locked is locked until it continues or ends
        return False
    episode.suspended.append(driver)
    time.sleep(QUICK[1] + 0.3)
    return True


def _is_locked(url: str) -> bool:
    """Whether a SQLite file can't be written, or is not there yet."""
    engine = sa.create_engine(url, connect_args={"timeout": 0.1})
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
    except sa.exc.SQLAlchemyError:
        return True
    finally:
        engine.dispose()
    return False


def start_second(episode: Episode, driver: Driver) -> bool:
    """The same command beside the driver: one of them is refused."""
    second = episode.start()
    drivers.wait_for(lambda: second.poll() is not None or driver.poll() is not None)
    if second.poll() is None:  # the first one was at its end
        second.wait(drivers.PATIENCE)
    episode.check_end(second)
    return True


def crash_server(episode: Episode, driver: Driver) -> bool:
    """`pg_ctl -m immediate stop`, and start again."""
    assert episode.server is not None
    episode.server.crash()
    time.sleep(episode.chance.uniform(0.2, 2.0))
    episode.server.start()
    return True


def lock_database(episode: Episode, driver: Driver) -> bool:
    """Another process writes the SQLite file for a while."""
    engine = sa.create_engine(episode.bench.config.storage_url, connect_args={"timeout": 60})
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            time.sleep(episode.chance.uniform(0.2, 1.0))
    except sa.exc.SQLAlchemyError:
        return False
    finally:
        engine.dispose()
    return True


def limit_files(episode: Episode, driver: Driver) -> bool:
    """The system refuses to write files of the driver and its workers, for good or for a moment."""
    pids = [driver.pid, *(pid for pid, name in children(driver.pid).items() if name != "raylet")]
    limits = []
    with suppress(ProcessLookupError):
        for pid in pids:
            limits.append((pid, resource.prlimit(pid, resource.RLIMIT_FSIZE)))
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[-1][1][1]))
    time.sleep(episode.chance.uniform(0.1, 0.6))
    for pid, limit in limits:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)
    return bool(limits)


def fill_disk(episode: Episode, driver: Driver) -> bool:
    """The file system of the study's folder has no block left, for a while."""
    filler = episode.bench.config.workdir / "filler"
    assert os.path.ismount(filler.parent.parent), "this is no small file system"
    try:
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(65536))
        time.sleep(episode.chance.uniform(0.1, 0.6))
    finally:
        filler.unlink(missing_ok=True)
    return True


def move_clock(episode: Episode, driver: Driver) -> bool:
    """The clock of the drivers' machine jumps, forwards or backwards."""
    hours = episode.chance.choice([-24, -1, 1, 24])
    now = float(episode.clock.read_text()) if episode.clock.exists() else 0.0
    new = episode.clock.with_suffix(".new")
    new.write_text(str(now + hours * HOUR))
    new.rename(episode.clock)
    return True


Harm = Callable[[Episode, Driver], bool]  # whether it could be done
EVERYWHERE: dict[str, Harm] = {
    "worker killed": kill_worker,
    "worker hung": stop_worker,
    "raylet killed": kill_raylet,
    "driver killed": kill_driver,
    "driver suspended": suspend_driver,
    "second driver": start_second,
    "files can't be written": limit_files,
    "clock moved": move_clock,
}
SQLITE = EVERYWHERE | {"database locked": lock_database}
POSTGRESQL = EVERYWHERE | {"server crashed": crash_server}
DISK = {"disk full": fill_disk}  # where there is a small one


@contextmanager
def ended(episode: Episode) -> Iterator[Episode]:
    """End whatever an episode has started."""
    with ExitStack() as stack:
        for_all = episode.all_drivers
        stack.callback(lambda: [driver.clean() for driver in for_all])
        yield episode
