"""The lease of a study: one driver at a time, over SQLite and PostgreSQL."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from nas.errors import StudyError
from nas.study import StudyStore
from nas.study import lease as leases
from nas.study.tables import LeaseRow
from tests.nas.study.records import rung


def test_a_second_driver_is_refused_and_shown_who_runs_the_study(url: str, name: str) -> None:
    with StudyStore.open(url, name) as one, StudyStore.open(url, name) as two:
        with one.lease():
            with pytest.raises(StudyError, match=f"{name}.*run by pid {os.getpid()} on .* since 20") as error:
                two.lease().__enter__()
            assert str(error.value).endswith("wait for it or stop it")
        with two.lease():
            two.record_rung(rung())


def _change_owner(url: str, name: str, **values: object) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.update(LeaseRow).where(LeaseRow.study == name).values(**values))
    engine.dispose()


def test_the_lease_of_a_killed_driver_is_taken_over_at_once(url: str, name: str) -> None:
    code = (
        f"import time; from nas.study.store import StudyStore\n"
        f"with StudyStore.open({url!r}, {name!r}) as store, store.lease():\n"
        "    print('held', flush=True); time.sleep(99)"
    )
    driver = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    assert driver.stdout.readline() == "held\n"
    with StudyStore.open(url, name) as store:
        with pytest.raises(StudyError, match=f"pid {driver.pid}"):
            store.lease().__enter__()
        driver.kill()
        while leases.pid_alive(driver.pid):  # a zombie until we wait for it, and not alive
            time.sleep(0.01)
        with store.lease():
            pass
    driver.wait()
    driver.stdout.close()


def test_a_lease_from_another_host_is_respected_until_its_heartbeat_stops(url: str, name: str) -> None:
    with StudyStore.open(url, name) as one, StudyStore.open(url, name) as two, one.lease() as held:
        _change_owner(url, name, pid=1, host="elsewhere", pid_space="another machine")
        with pytest.raises(StudyError, match="pid 1 on elsewhere"):
            two.lease().__enter__()
        _change_owner(url, name, heartbeat=time.time() - leases.EXPIRY_SECONDS - 5)
        with two.lease():
            held.check()  # has not noticed yet


def test_a_driver_that_lost_its_lease_writes_no_more(
    url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.05)
    with StudyStore.open(url, name) as store, store.lease() as held:
        store.record_rung(rung())
        _change_owner(url, name, token="somebody else's")
        assert held._lost.wait(10)
        with pytest.raises(StudyError, match="taken over"):
            store.record_rung(rung(rung=1))


def test_the_heartbeat_keeps_a_lease_fresh(url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.05)
    with StudyStore.open(url, name) as one, StudyStore.open(url, name) as two, one.lease():
        _change_owner(url, name, heartbeat=0.0)
        time.sleep(1)
        with pytest.raises(StudyError, match="run by"):
            two.lease().__enter__()


@pytest.mark.parametrize("dead_owner", [False, True])
def test_of_drivers_that_start_at_once_exactly_one_runs(url: str, name: str, dead_owner: bool) -> None:
    stores = [StudyStore.open(url, name) for _ in range(4)]
    together = threading.Barrier(len(stores), timeout=30)

    def drive(store: StudyStore) -> str:
        together.wait()
        try:
            with store.lease():
                together.wait()
                return "runs"
        except StudyError:
            together.wait()
            return "refused"

    for _ in range(5):
        if dead_owner:
            owner = {"host": "h", "pid": 1, "pid_space": "p", "token": "dead", "since": 0.0, "heartbeat": 0.0}
            with stores[0]._engine.begin() as connection:
                connection.execute(sa.insert(LeaseRow).values(study=name, **owner))
        with ThreadPoolExecutor(len(stores)) as pool:
            outcomes = sorted(pool.map(drive, stores))
        assert outcomes == ["refused"] * (len(stores) - 1) + ["runs"]
    for store in stores:
        store.close()
