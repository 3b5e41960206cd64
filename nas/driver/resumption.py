"""What earlier runs of the same command left in the study, for the run that resumes it."""

from __future__ import annotations

from collections import Counter

from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from nas.config import SearchConfig
from nas.execution import SearchProgress
from nas.ranking import RungBoard
from nas.study import StudyStore
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
    trials = store.study.get_trials(deepcopy=False)
    finished = [t for t in trials if t.state.is_finished() and TrialAttributes.from_trial(t).is_run]
    known = len(finished) + len(_interrupted(store))  # more than asked for where earlier runs asked for more
    complete = [(t.number, *t.values) for t in finished if t.state == TrialState.COMPLETE]
    return SearchProgress(
        console,
        max(config.trials + config.replicate_runs, known),
        len(config.rungs),
        config.distance,
        done=len(finished),
        counts=dict(Counter(t.state for t in finished)),
        best=min(complete, key=lambda trial: trial[1], default=None),
    )


def _interrupted(store: StudyStore) -> list[FrozenTrial]:
    """Trials that an earlier run left half trained; they are resumed, however few `trials` are asked for."""
    running = store.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [t for t in running if TrialAttributes.from_trial(t).architecture]


def fail_unsampled(store: StudyStore) -> None:
    """Fail trials that an interrupted run left without an architecture, once no more are asked for."""
    for trial in store.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not TrialAttributes.from_trial(trial).architecture:
            fail_trial(store, trial.number, "interrupted before an architecture was chosen")
