"""What a study is doing at this moment, as a reader beside its search sees it: `nas-study status`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from optuna.trial import FrozenTrial, TrialState
from pydantic import BaseModel, ConfigDict

from distill.progress import read_report
from nas.progress import Running
from nas.study import RungRecord, StudyAttributes, StudyStore, report_file
from nas.trials import TrialAttributes, state_of
from nas.upkeep.disk import DiskUse, disk_use


class LeaseStatus(BaseModel):
    """Who holds the lease of the study."""

    model_config = ConfigDict(frozen=True)

    host: str
    pid: int
    since: float  # seconds since 1970
    heartbeat: float  # the last one, seconds since 1970
    silent: float  # seconds since the last heartbeat
    expired: bool  # no heartbeat for so long that another driver may take over
    alive: bool  # neither expired, nor a process of this machine that is gone


class RunningTrial(BaseModel):
    """A trial that is being trained, by its worker's last report."""

    model_config = ConfigDict(frozen=True)

    trial: int
    architecture: str
    replicate_of: int | None
    work: Literal["starting", "training", "measuring"]
    rung: int  # that it is on, from 1
    images: int
    total: int  # images of a training to the last rung; 0 while it is not known
    images_per_second: float | None
    kd_weight: float | None
    loss: float | None
    seconds_left: float | None  # of training to the last rung
    reported: float | None  # seconds since its worker's last report
    worker: str  # that recorded its last rung; empty before the first one


class LastRung(BaseModel):
    """The rung that was recorded last."""

    model_config = ConfigDict(frozen=True)

    trial: int
    rung: int  # from 1
    images: int
    fid: float
    worker: str
    at: float | None  # seconds since 1970; None where neither its trial nor a checkpoint tells


class StudyStatus(BaseModel):
    """A study at one moment."""

    model_config = ConfigDict(frozen=True)

    study: str
    storage: str
    folder: str
    running: bool  # a living driver holds the lease
    lease: LeaseStatus | None
    distance: str  # what `fid` is called here
    trials: int  # architectures asked for in all; 0 while the study is being prepared
    trials_begun: int
    trials_done: int
    replicates: int  # at most
    replicates_begun: int
    replicates_done: int
    states: dict[str, int]  # trainings by state, replicates among them
    rungs: list[int]  # images after which a trial is measured
    rungs_recorded: int
    last_rung: LastRung | None
    running_trials: list[RunningTrial]
    workers: dict[str, int]  # rungs that each has recorded
    workers_asked_for: int | None
    disk: DiskUse
    run: dict[str, Any]  # the last run: its versions and seed


def study_status(store: StudyStore, folder: Path) -> StudyStatus:
    """Read what `store` and its `folder` hold at this moment; nothing is written."""
    holder = store.holder
    driven = holder is not None and holder.alive
    trials = store.study.get_trials(deepcopy=False)
    attributes = StudyAttributes.from_study(store.study)
    known = {t.number: TrialAttributes.from_trial(t) for t in trials}
    counted = [t for t in trials if known[t.number].counts]
    first = [t for t in counted if known[t.number].replicate_of is None]
    further = [t for t in counted if known[t.number].replicate_of is not None]
    rungs, config = store.rungs(), attributes.config
    return StudyStatus(
        study=store.name,
        storage=store.url,
        folder=str(folder),
        running=driven,
        lease=None if holder is None else LeaseStatus(**vars(holder), expired=holder.expired),
        distance=attributes.distance,
        trials=max(int(config.get("trials") or 0), len(first)) if config else 0,
        trials_begun=len(first),
        trials_done=_finished(first),
        replicates=max(_most_replicates(config), len(further)),
        replicates_begun=len(further),
        replicates_done=_finished(further),
        states=dict(Counter(state_of(t, driven=driven) for t in counted)),
        rungs=list(config.get("rungs") or []),
        rungs_recorded=len(rungs),
        last_rung=_last_rung(rungs, folder, trials),
        running_trials=[
            _running(t.number, known[t.number], [r for r in rungs if r.trial == t.number], folder)
            for t in counted
            if driven and t.state == TrialState.RUNNING
        ],
        workers=dict(Counter(record.worker for record in rungs)),
        workers_asked_for=config.get("workers"),
        disk=disk_use(folder),
        run=attributes.runs[-1].model_dump() if attributes.runs else {},
    )


def _finished(trials: Iterable[FrozenTrial]) -> int:
    return sum(trial.state.is_finished() for trial in trials)


def _most_replicates(config: dict[str, Any]) -> int:
    """Further trainings of architectures, at most, as `SearchConfig.replicate_runs` has it."""
    if not config or config.get("share_weights"):
        return 0
    asked = config.get("replicates")
    return int(config.get("trials") or 0) // 4 if asked is None else int(asked)


def _running(number: int, attributes: TrialAttributes, rungs: list[RungRecord], folder: Path) -> RunningTrial:
    """A running trial by its last rung and its worker's report."""
    running = Running(number, (attributes.architecture,), replicate_of=attributes.replicate_of)
    if rungs:
        running.at_rung(rungs[-1].rung, rungs[-1].images, rungs[-1].fid)
    file = report_file(folder, number)
    report = read_report(file)
    if report is not None:
        running.reported(report.done, report.total, report.what, report.readings)
    event = running.event()
    return RunningTrial(
        **event.model_dump(exclude={"event"}),
        architecture=attributes.architecture,
        replicate_of=attributes.replicate_of,
        reported=None if report is None else _age(file),
        worker=rungs[-1].worker if rungs else "",
    )


def _age(file: Path) -> float | None:
    try:
        return max(0.0, time.time() - file.stat().st_mtime)
    except OSError:  # the trial has ended meanwhile
        return None


def _last_rung(rungs: list[RungRecord], folder: Path, trials: Iterable[FrozenTrial]) -> LastRung | None:
    """The rung that was recorded last: at its trial's end, else when its checkpoint was written."""
    if not rungs:
        return None
    ended = {t.number: t.datetime_complete.timestamp() for t in trials if t.datetime_complete is not None}
    last_of = {record.trial: record.rung for record in rungs}  # in order
    times = [
        (ended.get(record.trial) if record.rung == last_of[record.trial] else None)
        or (None if record.trial in ended else _written(folder / record.checkpoint))
        for record in rungs
    ]
    at, _, last = max(
        ((when or 0.0, (r.trial, r.rung), r) for when, r in zip(times, rungs, strict=True)),
        key=lambda each: each[:2],
    )
    return LastRung(
        trial=last.trial,
        rung=last.rung + 1,
        images=last.images,
        fid=last.fid,
        worker=last.worker,
        at=at or None,
    )


def _written(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except OSError:
        return None
