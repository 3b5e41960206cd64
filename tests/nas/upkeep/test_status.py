"""What a reader sees of a study beside its search, and that the search does not notice."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from optuna.trial import TrialState
from rich.console import Console

from distill.progress import Reporter
from nas.database import LeaseRow
from nas.progress import IMAGES_PER_SECOND, KD_WEIGHT, TRAINING
from nas.study import RunFacts, StudyAttributes, StudyStore, report_file
from nas.upkeep import disk_use, render_status, study_status
from tests.nas.upkeep.small_study import files_of, small_study


def opened(url: str, name: str) -> StudyStore:
    return StudyStore.open(url, name, create=False)


def text(found: object) -> str:
    console = Console(width=120)
    with console.capture() as said:
        console.print(render_status(found))  # type: ignore[arg-type]  # a stand-in
    return said.get()


def test_a_running_search_is_seen_by_its_reports(tmp_path: Path, url: str, name: str) -> None:
    _, folder = small_study(tmp_path / "runs", name, url)
    report = Reporter(report_file(folder, 3))
    report(TRAINING, 96, 128, **{IMAGES_PER_SECOND: 16.0, KD_WEIGHT: 0.75})
    with opened(url, name) as driver, driver.lease(), opened(url, name) as store:
        found = study_status(store, folder)
        with driver._engine.begin() as writing:  # the search writes on while somebody looks
            writing.execute(sa.update(LeaseRow).where(LeaseRow.study == name).values(pid_space="elsewhere"))
            assert study_status(store, folder).states == found.states
    assert found.running
    assert found.lease is not None
    assert found.lease.alive
    assert not found.lease.expired
    assert (found.trials, found.trials_begun, found.trials_done) == (6, 3, 2)
    assert (found.replicates, found.replicates_begun, found.replicates_done) == (1, 1, 1)
    assert "2/6 done, 3 begun; 1 of at most 1 replicate done; of all trainings" in text(found)
    assert found.states == {"COMPLETE": 1, "PRUNED": 1, "FAIL": 1, "RUNNING": 1}
    [running] = found.running_trials
    assert (running.trial, running.work, running.rung, running.images, running.total) == (
        3,
        "starting",
        2,
        6400,
        0,
    )
    assert running.worker == "host:123"
    assert found.last_rung is not None
    assert (found.last_rung.trial, found.last_rung.rung) == (3, 1)
    assert found.workers == {"host:123": 4}
    assert f"{name}: running" in text(found)


def test_the_time_left_of_a_trial_is_that_of_its_report(tmp_path: Path) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    Reporter(report_file(folder, 3))(TRAINING, 8000, 12800, **{IMAGES_PER_SECOND: 16.0, KD_WEIGHT: 0.75})
    with opened(url, "small") as driver, driver.lease(), opened(url, "small") as store:
        found = study_status(store, folder)
    [running] = found.running_trials
    assert (running.work, running.images, running.total) == ("training", 8000, 12800)
    assert (running.images_per_second, running.kd_weight, running.seconds_left) == (16.0, 0.75, 300.0)
    assert running.reported is not None
    assert running.reported < 60
    assert "8k/12.8k" in text(found)
    assert "5:00" in text(found)


def test_nobody_runs_it_or_whoever_did_is_gone(tmp_path: Path) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    with opened(url, "small") as store:
        found = study_status(store, folder)
        assert (found.running, found.lease, found.running_trials) == (False, None, [])
        assert found.states["INTERRUPTED"] == 1
        assert "interrupted, the same command resumes it" in text(found)
        assert "nobody holds it" in text(found)
        with opened(url, "small") as driver, driver.lease():
            with driver._engine.begin() as writing:
                old = {"heartbeat": time.time() - 100, "pid_space": "elsewhere"}
                writing.execute(sa.update(LeaseRow).values(**old))
            found = study_status(store, folder)
            assert found.lease is not None
            assert (found.lease.expired, found.lease.alive, found.running) == (True, False, False)
            assert found.lease.silent == pytest.approx(100, abs=20)
            assert "last heartbeat 1:4" in text(found)
            assert "; expired" in text(found)


def test_the_last_rung_is_that_of_the_trial_that_ended_last_whatever_became_of_its_files(
    tmp_path: Path,
) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    with opened(url, "small") as driver, driver.lease():
        driver.study.tell(3, state=TrialState.PRUNED)
    (folder / "trials" / "0003" / "checkpoint-rung-1.pt").unlink()
    (folder / "trials" / "0001" / "checkpoint-rung-1.pt").touch()  # as a copy of the folder does
    with opened(url, "small") as store:
        found = study_status(store, folder)
    assert found.last_rung is not None
    assert (found.last_rung.trial, found.last_rung.rung) == (3, 1)
    assert found.last_rung.at == pytest.approx(time.time(), abs=60)


def test_looking_writes_nothing(tmp_path: Path) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    with opened(url, "small") as store:
        study_status(store, folder)
    database, before = (folder / "study.db").read_bytes(), files_of(folder)
    with opened(url, "small") as store:
        study_status(store, folder)
    assert (folder / "study.db").read_bytes() == database
    assert files_of(folder) == before


def test_files_are_counted_by_kind(tmp_path: Path) -> None:
    _, folder = small_study(tmp_path / "runs", "small")
    (folder / "trials" / "0000" / "losses-rung-1.csv").write_bytes(b"x" * 10)
    (tmp_path / "large").write_bytes(b"x" * 1000)
    (folder / "link").symlink_to(tmp_path / "large")
    found = disk_use(folder)
    assert found.checkpoints == 4 * len(b"weights 0")
    assert found.samples == 2 * 4 * len(b"a picture of trial 0")
    assert found.logs == 10 + len("{}\n")
    assert found.database == (folder / "study.db").stat().st_size
    assert found.other == (folder / "config.toml").stat().st_size
    assert found.total < 1000 + found.database + found.other


def test_the_last_run_says_its_versions(tmp_path: Path) -> None:
    url, folder = small_study(tmp_path / "runs", "small")
    versions = {"python": "3.11.9", "torch": "2.8.0"}
    run = RunFacts(run="ab12", since="2026-01-01T00:00:00Z", host="host", pid=1, seed=5, versions=versions)
    with StudyStore.open(url, "small") as store:
        StudyAttributes(runs=[run]).write(store.study)
        found = study_status(store, folder)
    assert json.loads(found.model_dump_json())["run"]["versions"] == versions
    assert "ab12: python 3.11.9, torch 2.8.0, seed 5" in text(found)
