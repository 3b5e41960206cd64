"""What earlier runs of the same command left in the study, for the run that resumes it."""

from __future__ import annotations

from collections import Counter

from optuna.trial import TrialState
from rich.console import Console

from distill.progress import read_report
from nas.config import SearchConfig
from nas.execution import FrontPoint, SearchProgress
from nas.progress import Started
from nas.ranking import RungBoard
from nas.study import StudyStore, report_file
from nas.trials import TrialAttributes, fail_trial


def recorded_results(store: StudyStore, config: SearchConfig) -> RungBoard:
    """The results at every rung that earlier runs of the same command recorded."""
    attributes = {t.number: TrialAttributes.from_trial(t) for t in store.study.get_trials(deepcopy=False)}
    valid = {number: a for number, a in attributes.items() if a.retried_as is None}
    return RungBoard.from_rungs(
        store.rungs(),
        {number: a.macs for number, a in valid.items() if a.macs is not None},
        rungs=len(config.rungs),
        reduction_factor=config.reduction_factor,
        protected=[number for number, a in valid.items() if a.protected],
        replicates={n: a.replicate_of for n, a in valid.items() if a.replicate_of is not None},
        significance=config.significance,
    )


def resumed_progress(store: StudyStore, config: SearchConfig, console: Console) -> SearchProgress:
    """The display, which counts the trials of earlier runs of the same command."""
    trials = [(t, TrialAttributes.from_trial(t)) for t in store.study.get_trials(deepcopy=False)]
    counted = [(t, a) for t, a in trials if t.state.is_finished() and a.counts]
    first, further = (
        [t for t, a in counted if (a.replicate_of is not None) == is_replicate]
        for is_replicate in (False, True)
    )
    # interrupted trials are resumed, however few are asked for now
    interrupted = [
        a.replicate_of is not None for t, a in trials if t.state == TrialState.RUNNING and a.counts
    ]
    complete = [(t.number, *t.values) for t, _ in counted if t.state == TrialState.COMPLETE]
    points = [
        FrontPoint(t.number, t.values[0], int(t.values[1]), a.params, _words(a))
        for t, a in counted
        if t.state == TrialState.COMPLETE and a.replicate_of is None
    ]
    return SearchProgress(
        console,
        max(config.trials, len(first) + interrupted.count(False)),
        len(config.rungs),
        config.distance,
        images=config.rungs[-1],
        replicates=max(config.replicate_runs, len(further) + interrupted.count(True)),
        done=len(first),
        replicates_done=len(further),
        counts=dict(Counter(t.state for t, _ in counted)),
        points=points,
        best=min(complete, key=lambda trial: trial[1], default=None),
        trains=not config.share_weights,
        report=lambda trial: read_report(report_file(config.folder, trial)),
    )


def started(store: StudyStore, config: SearchConfig, progress: SearchProgress) -> Started:
    """The event that precedes those of trials."""
    return Started(
        study=store.name,
        folder=str(config.folder),
        distance=progress.distance,
        trials=progress.trials,
        trials_done=progress.done,
        replicates=progress.replicates,
        replicates_done=progress.replicates_done,
        rungs=list(config.rungs),
    )


def _words(attributes: TrialAttributes) -> tuple[str, ...]:
    """What a trial is, as the display has it."""
    return (*(("baseline",) if attributes.baseline else ()), attributes.architecture)


def fail_unsampled(store: StudyStore) -> None:
    """Fail trials that an interrupted run left without an architecture, once no more are asked for."""
    for trial in store.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not TrialAttributes.from_trial(trial).architecture:
            fail_trial(store, trial.number, "interrupted before an architecture was chosen")
