"""Results into the study: everything of a trial is stored before it is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import TrialState

from nas.budget import Cost
from nas.database import LeaseRow
from nas.errors import StudyError
from nas.exchange import ExchangeError, Receiver
from nas.execution import Outcome, StudyRecorder
from nas.study import RungRecord, StudyStore
from nas.trials import TrialAttributes

MakeRung = Callable[..., RungRecord]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StudyStore]:
    with StudyStore.open(f"sqlite:///{tmp_path}/study.db", "study") as store:
        yield store


@pytest.fixture
def recorder(store: StudyStore, tmp_path: Path) -> StudyRecorder:
    return StudyRecorder(store, tmp_path, rungs=2)


def outcome(folder: Path, trial: int, rung: int, fid: float = 40.0) -> Outcome:
    (folder / "samples.png").write_bytes(b"\x89PNG of a grid")
    record = RungRecord(
        trial=trial, rung=rung, images=64 << rung, fid=fid, fid_samples=50, fid_extractor="digits",
        fid_seed=0, kd_weight=1.0, losses={"g_adversarial": 0.5}, seconds=1.0, worker="host:1",
        checkpoint=f"trials/{trial:04d}/checkpoint-rung-{rung + 1}.pt", sha256="0" * 64,
    )  # fmt: skip
    return Outcome(record, Cost(900_000, 20_000), "samples.png")


def test_the_distance_before_training_is_kept_with_the_trial(
    store: StudyStore, recorder: StudyRecorder, tmp_path: Path
) -> None:
    store.study.ask()
    recorder.record(0, replace(outcome(tmp_path, 0, 0), fid_before=84.5))
    recorder.record(0, outcome(tmp_path, 0, 1))
    assert TrialAttributes.from_trial(store.study.trials[0]).fid_before == 84.5


def test_a_rung_is_kept_while_its_trial_resumes(
    store: StudyStore, recorder: StudyRecorder, tmp_path: Path
) -> None:
    store.study.ask()
    seen = outcome(tmp_path, 0, 0)
    recorder.record(0, seen)
    assert store.rungs() == [seen.record]
    assert store.study.trials[0].state == TrialState.RUNNING
    assert store.study.trials[0].user_attrs == {"macs": 900_000, "params": 20_000}


def test_a_driver_that_loses_its_lease_while_it_fetches_files_writes_no_picture(
    store: StudyStore, tmp_path: Path
) -> None:
    class Losing(Receiver):
        def receive(self, trial: int, files: Mapping[str, str]) -> None:
            engine = sa.create_engine(store.url)
            with engine.begin() as connection:
                connection.execute(sa.update(LeaseRow).values(token="of another driver"))
            engine.dispose()
            with suppress(StudyError):  # the heartbeat finds it
                lease.renew()

    with store.lease() as lease:
        store.study.ask()
        recorder = StudyRecorder(store, tmp_path, 2, Losing())
        with pytest.raises(StudyError, match="was taken over by"):
            recorder.record(0, outcome(tmp_path, 0, 0))
    assert not (tmp_path / "artifacts").exists()


def test_a_rung_is_recorded_when_its_files_are_there_and_objects_go_when_its_trial_has_ended(
    store: StudyStore, tmp_path: Path
) -> None:
    class Noting(Receiver):
        def __init__(self) -> None:
            self.seen: list[tuple[str, int, int]] = []

        def receive(self, trial: int, files: Mapping[str, str]) -> None:
            if not files:
                raise ExchangeError("the store lacks them")
            self.seen.append(("received", trial, len(store.rungs())))

        def discard(self, trial: int) -> None:
            self.seen.append(("discarded", trial, len(store.rungs())))

    store.study.ask()
    receiver = Noting()
    recorder = StudyRecorder(store, tmp_path, 2, receiver)
    with pytest.raises(ExchangeError):
        recorder.record(0, outcome(tmp_path, 0, 0))
    assert store.rungs() == []
    files = {"samples.png": "0" * 64}
    recorder.record(0, replace(outcome(tmp_path, 0, 0), files=files))
    recorder.finish(0, replace(outcome(tmp_path, 0, 1), files=files))
    assert receiver.seen == [("received", 0, 0), ("received", 0, 1), ("discarded", 0, 2)]


def test_a_trial_at_the_last_rung_is_complete_with_fid_and_macs(
    store: StudyStore, recorder: StudyRecorder, tmp_path: Path
) -> None:
    store.study.ask()
    assert recorder.finish(0, outcome(tmp_path, 0, 1, fid=31.5)) == TrialState.COMPLETE
    trial = store.study.trials[0]
    assert trial.values == [31.5, 900_000]
    assert [record.rung for record in store.rungs(0)] == [1]
    (picture,) = get_all_artifact_meta(trial, storage=store.storage)
    assert (tmp_path / "artifacts" / picture.artifact_id).read_bytes() == b"\x89PNG of a grid"


def test_a_trial_stopped_early_is_pruned_without_values_and_keeps_its_rungs(
    store: StudyStore, recorder: StudyRecorder, tmp_path: Path
) -> None:
    store.study.ask()
    assert recorder.finish(0, outcome(tmp_path, 0, 0)) == TrialState.PRUNED
    assert store.study.trials[0].values is None
    assert [record.fid for record in store.rungs(0)] == [40.0]


def test_a_failed_trial_says_why(store: StudyStore, recorder: StudyRecorder) -> None:
    store.study.ask()
    recorder.fail(0, "d_r1 is nan after 64 images")
    trial = store.study.trials[0]
    assert (trial.state, trial.user_attrs["reason"]) == (TrialState.FAIL, "d_r1 is nan after 64 images")


def test_a_finished_trial_can_not_be_reported_again(
    store: StudyStore, recorder: StudyRecorder, tmp_path: Path
) -> None:
    store.study.ask()
    recorder.finish(0, outcome(tmp_path, 0, 1))
    with pytest.raises(StudyError, match=r"trial 0 .* is COMPLETE"):
        recorder.finish(0, outcome(tmp_path, 0, 1))
