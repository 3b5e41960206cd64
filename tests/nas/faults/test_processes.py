"""Drivers that are suspended and killed, and a server that crashes under them."""

from __future__ import annotations

import io
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rich.console import Console

from nas.database import DatabaseOutageError, LeaseRow, connection
from nas.errors import StudyError
from nas.execution import WorkerResources
from nas.study import StudyStore
from nas.workbench import Workbench
from tests.nas.conftest import MakeBench
from tests.nas.faults import drivers
from tests.nas.faults.drivers import QUICK, Driver
from tests.nas.faults.invariants import broken_invariants, table
from tests.nas.faults.postgres import Server, running_server
from tests.nas.faults.stub_search import run_stub_search

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("NAS_TEST_KILLS", "3"))  # of each database; 50 for the whole test
LONGEST = 1.2  # seconds until a driver is killed
SEARCH: dict[str, Any] = {
    "trials": 3,
    "replicates": 1,
    "rungs": (64, 128),
    "sampler": "random",
    "keep": "all",
    "workers": 1,
    "study": "stub",
}


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Driver]]:
    """Drivers, to be ended with the test."""
    made: list[Driver] = []
    yield made
    for driver in made:
        driver.clean()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def bench(request: pytest.FixtureRequest, make_bench: MakeBench) -> Workbench:
    """A search in each kind of database."""
    if request.param == "sqlite":
        return make_bench(**SEARCH)
    database: Server = request.getfixturevalue("server")
    return make_bench(**SEARCH, storage=database.new_database())


def _ended(driver: Driver) -> None:
    assert driver.wait(drivers.PATIENCE) == 0, driver.said()


def _undisturbed(make_bench: MakeBench, folder: Path, started: list[Driver]) -> list[tuple[Any, ...]]:
    alone = make_bench(**SEARCH | {"workdir": folder})
    started.append(drivers.start(alone, pause=0.0))
    _ended(started[-1])
    return table(alone.config)


def test_a_search_resumed_after_kills_at_random_moments_is_the_undisturbed_one(
    bench: Workbench, make_bench: MakeBench, started: list[Driver], tmp_path: Path
) -> None:
    wanted, config = _undisturbed(make_bench, tmp_path / "undisturbed", started), bench.config
    chance, interrupted, whole = random.Random(0), 0, 1
    while interrupted < KILLS:
        driver = drivers.start(bench, pause=0.02)
        started.append(driver)
        time.sleep(chance.uniform(0.0, LONGEST))
        driver.kill()
        interrupted += driver.returncode != 0
        if driver.returncode == 0:  # it was at its end
            assert table(config) == wanted
            assert broken_invariants(config) == []
            config = bench.config = config.model_copy(update={"study": f"stub-{whole}"})
            whole += 1
    started.append(drivers.start(bench, pause=0.0))
    _ended(started[-1])
    print(f"{interrupted} drivers killed, {whole} studies compared row by row")
    assert broken_invariants(config) == []
    assert table(config) == wanted


@pytest.mark.parametrize("has_ended", [True, False], ids=["that has ended", "that runs"])
def test_a_suspended_driver_that_wakes_up_after_another_took_over_writes_nothing(
    bench: Workbench, make_bench: MakeBench, started: list[Driver], tmp_path: Path, has_ended: bool
) -> None:
    wanted, config = _undisturbed(make_bench, tmp_path / "undisturbed", started), bench.config
    first = drivers.start(bench, pause=0.3, heartbeat=QUICK)
    started.append(first)
    drivers.wait_for(lambda: drivers.rungs_recorded(config) >= 2, first)
    drivers.suspend_between_writes(first, config)
    before = table(config)
    time.sleep(2.0)  # its lease expires; it is alive, and on this machine
    second = drivers.start(bench, pause=0.0 if has_ended else 1.5, heartbeat=QUICK)
    started.append(second)
    if has_ended:
        _ended(second)
    else:
        drivers.wait_for(lambda: drivers.rungs_recorded(config) >= 3, second)
    first.send(signal.SIGCONT)
    assert first.wait(drivers.PATIENCE) == 2
    _, said = first.said()
    who = "another driver, which has ended" if has_ended else f"pid {second.pid} on"
    assert said.splitlines()[-1].startswith(f"nas-search: study 'stub' was taken over by {who}")
    _ended(second)
    print(f"{len(before)} rows when the first was stopped, {len(table(config))} at the end\nfirst:  {said}")
    print("second: " + "\n        ".join("".join(second.said()).splitlines()))
    assert table(config) == wanted
    assert broken_invariants(config) == []


def test_a_new_folder_that_another_driver_took_over_is_not_removed(bench: Workbench) -> None:
    config, others = bench.config, ExitStack()

    @contextmanager
    def taken_over(*_: object) -> Iterator[WorkerResources]:
        engine = sa.create_engine(config.storage_url)
        with engine.begin() as writing:
            writing.execute(sa.update(LeaseRow).values(heartbeat=0.0))
        engine.dispose()
        other = others.enter_context(StudyStore.open(config.storage_url, config.study))
        others.enter_context(other.lease())
        (config.folder / "trials").mkdir()
        yield WorkerResources(1, 1, 0.0)

    with others:
        with pytest.raises(StudyError, match="was taken over by"):
            run_stub_search(bench, Console(file=io.StringIO()), taken_over)
        assert (config.folder / "trials").is_dir()


def test_a_driver_suspended_in_the_midst_of_a_transaction_is_not_waited_for_for_ever(
    make_bench: MakeBench, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.5)
    url = server.new_database()
    with StudyStore.open(url, "study") as first, first.lease() as lease, first._engine.connect() as idle:
        lease.hold(idle)  # and nothing more: the driver is suspended
        with sa.create_engine(url).begin() as other:  # waits for the row
            other.execute(sa.update(LeaseRow).values(heartbeat=0.0))
        with StudyStore.open(url, "study") as second, second.lease():
            with pytest.raises(DatabaseOutageError):
                idle.exec_driver_sql("SELECT 1")
            with pytest.raises(StudyError, match="was taken over by"):
                first.study.ask()


def test_a_server_that_crashes_and_comes_back_is_waited_for(
    make_bench: MakeBench, server: Server, started: list[Driver], tmp_path: Path
) -> None:
    wanted = _undisturbed(make_bench, tmp_path / "undisturbed", started)
    bench = make_bench(**SEARCH, storage=server.new_database())
    config = bench.config
    driver = drivers.start(bench, pause=0.3)
    started.append(driver)
    for rungs in (1, 3):
        drivers.wait_for(lambda rungs=rungs: drivers.rungs_recorded(config) >= rungs, driver)
        server.crash()
        time.sleep(3)
        server.start()
    assert driver.wait(drivers.PATIENCE) == 0, driver.said()
    _, said = driver.said()
    assert said.count("does not answer") == said.count("answers again") == 2, said
    assert "Traceback" not in said
    assert table(config) == wanted
    assert broken_invariants(config) == []
    with StudyStore.open(config.storage_url, config.study) as store:
        assert not store.has_driver
