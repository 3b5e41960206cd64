"""The study store: one contract, over a SQLite file and, where NAS_TEST_POSTGRES names one, a PostgreSQL.

NAS_TEST_POSTGRES=postgresql+psycopg://user@host/database pytest tests/nas/test_store.py
"""

import logging
import math
import os
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState
from pydantic import ValidationError

from nas.config import SearchConfig
from nas.errors import StorageError, StudyError
from nas.study import LAYOUT, RungRecord, StudyAttributes, StudyStore, database
from nas.study import lease as leases
from nas.study.tables import Base, LeaseRow

IDENTITY = {"space": "stylegan2", "teacher": "0123456789abcdef", "data": "fedcba9876543210"}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/runs/study.db"
    given = os.environ.get("NAS_TEST_POSTGRES")
    if not given:
        pytest.skip("set NAS_TEST_POSTGRES to the URL of an empty PostgreSQL database to test with one")
    return given


@pytest.fixture
def name() -> str:
    return f"study-{uuid.uuid4().hex[:8]}"  # a PostgreSQL database is shared by all tests


def rung(trial: int = 0, rung: int = 0, **changes: object) -> RungRecord:
    values = {
        "trial": trial,
        "rung": rung,
        "images": 6400 * 2**rung,
        "fid": 41.5,
        "fid_samples": 2000,
        "fid_extractor": "digits",
        "fid_seed": 7,
        "kd_weight": 1.5,
        "losses": {"adversarial": 0.7, "kd.pixel": 0.05},
        "seconds": 12.25,
        "worker": "host:123",
        "checkpoint": f"trials/{trial:04d}/rung-{rung}.pt",
        "sha256": "ab" * 32,
    }
    return RungRecord.model_validate(values | changes)


# Opening


def test_a_new_study_minimises_its_distance_and_macs(url: str, name: str) -> None:
    with StudyStore.open(url, name, identity={"extractor": "digits"}) as store:
        assert store.study.metric_names == ["FD (digits)", "MACs"]
        assert [direction.name for direction in store.study.directions] == ["MINIMIZE", "MINIMIZE"]
        assert name in StudyStore.names(url)


def test_what_is_recorded_is_there_after_opening_again(url: str, name: str) -> None:
    with StudyStore.open(url, name, identity=IDENTITY) as store:
        trial = store.study.ask()
        store.record_rung(rung(trial.number))
        store.study.tell(trial, [41.5, 1_000_000])
    with StudyStore.open(url, name, identity=IDENTITY, create=False) as again:
        assert again.study.trials[0].values == [41.5, 1_000_000]
        assert again.rungs() == [rung()]


def test_the_identity_is_saved_and_a_study_of_another_teacher_is_refused(url: str, name: str) -> None:
    StudyStore.open(url, name, identity=IDENTITY).close()
    other = IDENTITY | {"teacher": "ffffffffffffffff"}
    with pytest.raises(
        StudyError, match="teacher 0123456789abcdef, not ffffffffffffffff: use --study NAME for a new one"
    ):
        StudyStore.open(url, name, identity=other)
    with StudyStore.open(url, name, create=False) as store:  # readers need not know
        assert store.study.user_attrs == IDENTITY | {"layout": LAYOUT}


def test_a_study_from_before_a_setting_was_noted_had_its_default(url: str, name: str) -> None:
    with StudyStore.open(url, name, identity=IDENTITY) as store:
        store.study.ask()
    newer = IDENTITY | {"share_weights": "False"}
    assumed = {"share_weights": "False"}
    StudyStore.open(url, name, identity=newer, assumed=assumed).close()
    with pytest.raises(StudyError, match="belongs to share_weights False, not True"):
        StudyStore.open(url, name, identity=newer | {"share_weights": "True"}, assumed=assumed)
    with pytest.raises(StudyError, match="belongs to share_weights unknown"):
        StudyStore.open(url, name, identity=newer)


def test_a_study_that_does_not_exist_is_not_made_for_a_reader(url: str, name: str) -> None:
    StudyStore.open(url, name).close()
    with pytest.raises(StudyError, match=f"no study 'other'.*{name}"):
        StudyStore.open(url, "other", create=False)
    assert "other" not in StudyStore.names(url)


def layout_of(url: str, name: str, layout: int | None) -> None:
    """Make the study one of another layout; None is from before layouts had a version."""
    study = optuna.load_study(storage=url, study_name=name)
    if layout is None:
        study._storage._backend.engine.dispose()  # type: ignore[attr-defined]
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM study_user_attributes WHERE key = 'layout'"))
        engine.dispose()
    else:
        study.set_user_attr("layout", layout)


@pytest.mark.parametrize(
    ("layout", "version"), [(None, "an earlier"), (0, "an earlier"), (LAYOUT + 1, "a later")]
)
@pytest.mark.parametrize("create", [False, True])
def test_a_study_of_another_layout_is_refused_with_what_to_do(
    url: str, name: str, layout: int | None, version: str, create: bool
) -> None:
    with StudyStore.open(url, name, identity=IDENTITY) as store:
        store.study.ask()
    layout_of(url, name, layout)
    with pytest.raises(StudyError) as error:
        StudyStore.open(url, name, create=create)
    assert str(error.value) == (
        f"study {name!r} was made by {version} version of nas-search: use --study NAME for a new one, "
        "or read it with the version that made it"
    )


def test_a_study_that_was_killed_while_it_was_made_is_marked_by_the_next_run(url: str, name: str) -> None:
    StudyStore.open(url, name).close()
    layout_of(url, name, None)
    StudyStore.open(url, name, create=False).close()  # there is nothing in it that a reader could misread
    with StudyStore.open(url, name) as store:
        assert StudyAttributes.from_study(store.study).layout == LAYOUT


def test_a_foreign_optuna_study_is_refused(url: str, name: str) -> None:
    StudyStore.open(url, name + "-ours").close()
    optuna.create_study(storage=url, study_name=name)
    with pytest.raises(StudyError, match="does not minimise a distance and MACs"):
        StudyStore.open(url, name)


@pytest.mark.parametrize(
    ("attributes", "trials"),
    [
        ({}, 1),
        ({"config": "x.yaml"}, 1),
        ({"config": "x.yaml"}, 0),
        ({"layout": "grid"}, 1),
        ({"space": "floats", "config": "x.yaml"}, 1),
    ],
)
@pytest.mark.parametrize("create", [False, True])
def test_a_foreign_study_of_two_objectives_is_refused_as_such(
    url: str, name: str, attributes: dict[str, str], trials: int, create: bool
) -> None:
    StudyStore.open(url, name + "-ours").close()
    foreign = optuna.create_study(storage=url, study_name=name, directions=["minimize"] * 2)
    for key, value in attributes.items():
        foreign.set_user_attr(key, value)
    for _ in range(trials):
        foreign.ask()
    with pytest.raises(StudyError) as error:
        StudyStore.open(url, name, create=create)
    assert str(error.value) == f"study {name!r} was not made by nas-search: name another with --study"


def test_an_earlier_study_whose_attributes_cannot_be_read_any_more_is_called_so(url: str, name: str) -> None:
    with StudyStore.open(url, name, identity=IDENTITY) as store:
        store.study.ask()
        store.study.set_user_attr("config", "x.toml")
    layout_of(url, name, 0)
    with pytest.raises(StudyError, match="made by an earlier version of nas-search"):
        StudyStore.open(url, name)


def test_a_deleted_study_leaves_no_rungs_to_its_namesake(url: str, name: str) -> None:
    with StudyStore.open(url, name) as store:
        store.record_rung(rung())
        optuna.delete_study(study_name=name, storage=store.study._storage)
    with StudyStore.open(url, name) as store:
        assert store.rungs() == []


def test_processes_that_open_a_new_database_at_once_all_succeed(url: str, name: str) -> None:
    code = (
        "import sys; from nas.study.store import StudyStore\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"with StudyStore.open({url!r}, {name!r}, identity={IDENTITY}) as store: store.study.ask()"
    )
    drivers = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for driver in drivers:
        assert driver.stdout is not None
        assert driver.stdout.readline() == "ready\n"
    for driver in drivers:
        assert driver.stdin is not None
        driver.stdin.write("go\n")
        driver.stdin.flush()
    for driver in drivers:
        driver.communicate(timeout=60)
        assert driver.returncode == 0
    with StudyStore.open(url, name, create=False) as store:
        assert [trial.number for trial in store.study.trials] == [0, 1]


def test_a_database_that_another_process_makes_at_this_moment_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.5, other.rollback).start()
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 0})
    database.prepare(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


# Rungs


def test_rungs_come_back_equal_and_in_order(url: str, name: str) -> None:
    records = [rung(trial, step, fid=100 / (1 + trial + step)) for trial in range(3) for step in range(3)]
    with StudyStore.open(url, name) as store:
        for record in reversed(records):
            store.record_rung(record)
        assert store.rungs() == records
        assert store.rungs(trial=1) == records[3:6]
        assert store.rungs(trial=9) == []


def test_recording_a_rung_again_replaces_it(url: str, name: str) -> None:
    with StudyStore.open(url, name) as store:
        for fid in (50.0, 40.0, 40.0):
            store.record_rung(rung(fid=fid))
        assert [record.fid for record in store.rungs()] == [40.0]


def test_rungs_of_two_studies_do_not_mix(url: str, name: str) -> None:
    with StudyStore.open(url, name) as one, StudyStore.open(url, name + "-two") as two:
        one.record_rung(rung())
        assert two.rungs() == []


def test_large_counts_and_a_loss_that_is_nan_survive(url: str, name: str) -> None:
    with StudyStore.open(url, name) as store:
        store.record_rung(rung(images=10**12, losses={"r1": math.nan}))
        (record,) = store.rungs()
        assert record.images == 10**12
        assert math.isnan(record.losses["r1"])


@pytest.mark.parametrize("fid", [math.nan, math.inf])
def test_a_fid_that_is_no_number_is_no_rung(fid: float) -> None:
    with pytest.raises(ValidationError):
        rung(fid=fid)


# Trials


def test_a_running_trial_resumes_under_its_own_number(url: str, name: str) -> None:
    with StudyStore.open(url, name) as store:
        width = store.study.ask().suggest_int("width", 8, 64)
    with StudyStore.open(url, name) as resumed:
        trial = resumed.trial(0)
        assert trial.params == {"width": width}
        trial.set_user_attr("macs", 123)
        resumed.study.tell(trial, [40.0, 123])
        (told,) = resumed.study.trials
        assert (told.state, told.user_attrs, told.params) == (
            TrialState.COMPLETE,
            {"macs": 123},
            {"width": width},
        )


def test_a_finished_or_missing_trial_can_not_resume(url: str, name: str) -> None:
    with StudyStore.open(url, name) as store:
        store.study.tell(store.study.ask(), state=TrialState.PRUNED)
        with pytest.raises(StudyError, match=r"trial 0 .* PRUNED"):
            store.trial(0)
        with pytest.raises(StudyError, match=r"trial 1 .* missing"):
            store.trial(1)


# The lease


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


# The database


def test_a_database_of_the_first_release_keeps_its_rungs_and_takes_new_ones(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    with StudyStore.open(url, "old") as store:
        store.record_rung(rung())
    with sqlite3.connect(tmp_path / "study.db") as connection:
        connection.execute("ALTER TABLE nas_rungs DROP COLUMN fid_extractor_digest")
        connection.execute("ALTER TABLE nas_rungs DROP COLUMN kid")
        connection.execute("UPDATE nas_alembic_version SET version_num = '0001'")
    connection.close()
    with StudyStore.open(url, "old") as store:
        store.record_rung(rung(rung=1, fid_extractor_digest="0123456789abcdef", kid=0.5))
        assert [record.fid_extractor_digest for record in store.rungs()] == ["", "0123456789abcdef"]
        assert [record.kid for record in store.rungs()] == [None, 0.5]


def test_the_migrations_make_exactly_the_declared_tables(url: str, name: str) -> None:
    StudyStore.open(url, name).close()
    engine = sa.create_engine(url)
    inspector = sa.inspect(engine)
    for table in Base.metadata.sorted_tables:
        made = {column["name"]: column for column in inspector.get_columns(table.name)}
        assert list(made) == [column.name for column in table.columns]
        for column in table.columns:
            assert made[column.name]["type"].compile(engine.dialect) == column.type.compile(engine.dialect)
            assert made[column.name]["nullable"] == column.nullable
    assert {"alembic_version", "nas_alembic_version"} <= set(inspector.get_table_names())
    engine.dispose()


def test_opening_leaves_logging_alone(url: str, name: str) -> None:
    logger = logging.getLogger("somebody.else")
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logger.disabled)
    StudyStore.open(url, name).close()
    assert (root.level, list(root.handlers), logger.disabled) == before


def test_sqlite_readers_do_not_wait_for_the_writer(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    with StudyStore.open(url, "one") as store:
        for engine in (store._engine, store._storage.engine):
            with engine.connect() as connection:
                assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
                assert connection.execute(sa.text("PRAGMA busy_timeout")).scalar() == 60_000


def test_postgres_urls_get_the_driver_that_is_installed() -> None:
    assert database.parse_url("postgres://u@h/d").drivername == "postgresql+psycopg"
    assert database.parse_url("postgresql://u@h/d").drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://user:secret@host/db", "postgresql+psycopg://user:***@host/db"),
        ("postgresql://user:sec/ret@host/db", "postgresql+psycopg://user:***@host/db"),
        ("postgresql://host/db?user=me&password=secret&x=1", "password=***&"),
        ("postgresql://host/db?sslpassword=secret", "?sslpassword=***"),
        ("postgresql://host/db?p%61ssword=secret", "?password=***"),
        ("postgresql://user@host/db?application_name=nas", "user@host/db?application_name=nas"),
        ("sqlite:////data/study.db", "sqlite:////data/study.db"),
    ],
)
def test_a_password_is_hidden_wherever_a_url_has_it(url: str, says: str) -> None:
    shown = database.shown(database.parse_url(url))
    assert says in shown
    assert "secret" not in shown
    kept = SearchConfig(budget_macs=1, storage=url).public()["storage"]
    assert kept == url if "***" not in says else "***" in kept and "secret" not in kept


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nas.db", "is not a URL"),
        ("postgresql//user:secret@host/db", "is not a URL"),
        ("postgresql+psycopg://user:secret@host:port/db", "is not a URL"),
        ("nosuch://user:secret@host/db", "no driver for 'nosuch'"),
        ("postgresql+nosuch://user:secret@host/db", "no driver for 'postgresql.nosuch'"),
        ("postgresql+psycopg://user:secret@127.0.0.1:9/db", "does not answer"),
        ("postgresql+psycopg://127.0.0.1:9/db?user=nas&password=secret", "does not answer"),
        ("sqlite://", "in-memory databases are not supported"),
        ("sqlite:////proc/nowhere/study.db", "can be written"),
    ],
)
def test_a_storage_that_can_not_be_used_is_one_line_without_the_password(url: str, says: str) -> None:
    began = time.monotonic()
    with pytest.raises(StorageError, match=says) as error:
        StudyStore.open(url, "study")
    message = str(error.value)
    assert "\n" not in message
    assert "secret" not in message
    assert url.split("/")[-1].partition("?")[0] in message
    assert time.monotonic() - began < 10


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "photo.db").write_text("not a database, but long enough to be looked at" * 99)
    before = (tmp_path / "photo.db").read_bytes()
    with pytest.raises(StorageError, match=r"file is not a database.*photo\.db"):
        StudyStore.open(f"sqlite:///{tmp_path}/photo.db", "study")
    assert (tmp_path / "photo.db").read_bytes() == before


def test_a_reader_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(
        StorageError, match=r"there is no .*study\.db; check the path, or run nas-search first"
    ):
        StudyStore.names(f"sqlite:///{tmp_path}/study.db")
    assert list(tmp_path.iterdir()) == []


def test_commits_do_not_wait_for_the_disk_whoever_connects(url: str, name: str) -> None:
    asked, wanted = (
        ("PRAGMA synchronous", 1) if url.startswith("sqlite") else ("SHOW synchronous_commit", "off")
    )
    with StudyStore.open(url, name) as store:
        for engine in (store._engine, store._storage.engine):
            with engine.connect() as connection:
                assert connection.execute(sa.text(asked)).scalar() == wanted
