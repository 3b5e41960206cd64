"""What must hold of a study after any fault, once the same command has been given again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.trial import TrialState

from nas.config import SearchConfig
from nas.database import LeaseRow
from nas.study import REPORT, RungRecord, StudyStore, interim_file
from nas.trials import TrialAttributes
from nas.upkeep import leftovers
from search_spaces import file_digest

PASSING = {"seconds", "worker", "sha256"}  # of a rung: the checkpoint holds the seconds


def broken_invariants(config: SearchConfig) -> list[str]:
    """The invariants that do not hold of the finished study of `config`, in words; empty if all hold."""
    found: list[str] = []
    with StudyStore.open(config.storage_url, config.study, create=False) as store:
        trials, rungs = store.study.get_trials(), store.rungs()
        with store._engine.connect() as connection:
            held = connection.execute(sa.select(LeaseRow.pid).where(LeaseRow.study == config.study)).all()
        found += _orphans(store, config.folder, trials)
    if held:
        found.append("the lease is still held")
    for trial in trials:
        if not trial.state.is_finished():
            found.append(f"trial {trial.number} is {trial.state.name}, and nobody trains it")
    for (trial, rung), count in Counter((r.trial, r.rung) for r in rungs).items():
        if count > 1:
            found.append(f"trial {trial} has rung {rung} {count} times")
    found += _checkpoints(config, trials, rungs)
    first = Counter(
        TrialAttributes.from_trial(t).architecture
        for t in trials
        if TrialAttributes.from_trial(t).is_first_run
    )
    if sum(first.values()) != config.trials:
        found.append(f"{config.trials} architectures were asked for, and {sum(first.values())} have ended")
    if any(count > 1 for count in first.values()):
        found.append("an architecture was trained twice")
    return found


def _checkpoints(
    config: SearchConfig, trials: list[optuna.trial.FrozenTrial], rungs: list[RungRecord]
) -> list[str]:
    found = []
    for trial in trials:
        if trial.state != TrialState.COMPLETE or not TrialAttributes.from_trial(trial).is_run:
            continue
        own = [record for record in rungs if record.trial == trial.number]
        if [record.rung for record in own] != list(range(len(config.rungs))):
            found.append(f"trial {trial.number} is complete with rungs {[r.rung for r in own]}")
            continue
        path = config.folder / own[-1].checkpoint
        if config.keep == "all" and not path.is_file():
            found.append(f"trial {trial.number} is complete without its checkpoint")
        elif path.is_file() and file_digest(path) != own[-1].sha256:
            found.append(f"the checkpoint of trial {trial.number} has another SHA-256 than its record")
    return found


def _orphans(store: StudyStore, folder: Path, trials: list[optuna.trial.FrozenTrial]) -> list[str]:
    """Files that nobody needs; an unfinished rung's only where its trial is to be continued."""
    interim = [interim_file(folder, 0).name] if all(trial.state.is_finished() for trial in trials) else []
    found = {path for name in (REPORT, "*.partial", *interim) for path in folder.rglob(name)}
    return [f"orphan {path.relative_to(folder)}" for path in sorted({*found, *leftovers(store, folder)})]


def table(config: SearchConfig) -> list[tuple[Any, ...]]:
    """The study row by row, without what differs between two undisturbed runs: times, hosts, processes.

    How many workers a trial has lost is no result, either.
    """
    with StudyStore.open(config.storage_url, config.study, create=False) as store:
        trials = [
            (t.number, t.state.name, t.params, t.values, _lasting(t.user_attrs))
            for t in store.study.get_trials()
        ]
        return [*trials, *(record.model_dump(exclude=PASSING) for record in store.rungs())]  # type: ignore[list-item]  # rows of two kinds


def _lasting(attributes: dict[str, Any]) -> dict[str, Any]:
    passing = ("artifacts", "workers_lost")
    return {key: value for key, value in attributes.items() if not key.startswith(passing)}
