"""The lease of a study: one driver at a time, over SQLite and PostgreSQL."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
import sqlalchemy as sa

from nas.database import DatabaseOutageError, Lease, LeaseRow
from nas.database import lease as leases
from nas.errors import SearchError, StudyError
from nas.study import StudyStore
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
            held.check()  # it has not noticed yet, and can't write


def _everything(store: StudyStore) -> tuple[object, ...]:
    trials = [(t.number, t.state, t.params, t.user_attrs, t.values) for t in store.study.get_trials()]
    return store.rungs(), trials, store.study.user_attrs


WRITES: dict[str, Callable[[StudyStore, optuna.Trial], object]] = {
    "a rung": lambda store, trial: store.record_rung(rung(rung=1)),
    "a new trial": lambda store, trial: store.study.ask(),
    "an enqueued trial": lambda store, trial: store.study.enqueue_trial({"x": 0.5}),
    "a trial like another": lambda store, trial: store.begin({"a": 1}),
    "a choice": lambda store, trial: trial.suggest_float("y", 0, 1),
    "an attribute": lambda store, trial: trial.set_user_attr("a", 1),
    "a result": lambda store, trial: store.study.tell(trial, [1.0, 2.0]),
    "an attribute of the study": lambda store, trial: store.study.set_user_attr("a", 1),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_driver_that_lost_its_lease_writes_nothing_and_says_who_has_it(
    url: str, name: str, what: str
) -> None:
    with StudyStore.open(url, name) as store, StudyStore.open(url, name) as reader, store.lease():
        store.record_rung(rung())
        trial = store.study.ask()
        before = _everything(reader)
        _change_owner(url, name, token="somebody else's", pid=12345, host="elsewhere")
        with pytest.raises(StudyError, match=f"{name}.*was taken over by pid 12345 on elsewhere"):
            WRITES[what](store, trial)
        assert _everything(reader) == before
        with pytest.raises(StudyError, match="taken over"):
            store.check_lease()


def test_a_driver_whose_heartbeat_stopped_asks_before_it_goes_on(
    url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with StudyStore.open(url, name) as store, store.lease():
        _change_owner(url, name, token="somebody else's")
        store.check_lease()  # the last heartbeat is not old enough to doubt
        monkeypatch.setattr(leases, "STALE_SECONDS", 0.0)
        with pytest.raises(StudyError, match="taken over"):
            store.check_lease()


def test_a_driver_that_slept_past_its_expiry_goes_on_if_nobody_took_over(url: str, name: str) -> None:
    with StudyStore.open(url, name) as one, StudyStore.open(url, name) as two, one.lease():
        _change_owner(url, name, heartbeat=0.0, pid_space="another machine")
        one.record_rung(rung())
        with pytest.raises(StudyError, match="run by"):
            two.lease().__enter__()


def test_a_heartbeat_from_before_the_clock_was_set_back_is_no_sign_of_life(url: str, name: str) -> None:
    tomorrow = time.time() + 86_400
    with StudyStore.open(url, name) as one, StudyStore.open(url, name) as two, one.lease():
        _change_owner(url, name, heartbeat=tomorrow, pid_space="another machine")
        holder = two.holder
        assert holder is not None
        assert holder.expired
        with two.lease(), pytest.raises(StudyError, match="was taken over by pid"):
            one.record_rung(rung())


def test_a_driver_that_comes_back_to_life_while_another_looks_keeps_its_lease(
    url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = leases._check_free
    with StudyStore.open(url, name) as one, StudyStore.open(url, name) as two, one.lease() as held:
        _change_owner(url, name, heartbeat=0.0, pid_space="another machine")

        def meanwhile(holder: LeaseRow | None, now: float) -> None:
            check(holder, now)
            held.renew()

        monkeypatch.setattr(leases, "_check_free", meanwhile)
        with pytest.raises(StudyError, match="run by"):
            two.lease().__enter__()


def test_the_heartbeat_keeps_a_lease_fresh(url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.05)
    with StudyStore.open(url, name) as one, StudyStore.open(url, name) as two, one.lease():
        _change_owner(url, name, heartbeat=0.0)
        time.sleep(1)
        with pytest.raises(StudyError, match="run by"):
            two.lease().__enter__()


@pytest.mark.parametrize("error", [SearchError("the disk is full"), DatabaseOutageError("away")])
def test_the_heartbeat_outlasts_what_fails_one_of_it(
    url: str, name: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.05)
    renew, failures = Lease.renew, [error]

    def fail_once(lease: Lease) -> None:
        if failures:
            raise failures.pop()
        renew(lease)

    monkeypatch.setattr(Lease, "renew", fail_once)
    with StudyStore.open(url, name) as one, StudyStore.open(url, name) as two, one.lease():
        _change_owner(url, name, heartbeat=0.0)
        time.sleep(1)
        assert failures == []
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
