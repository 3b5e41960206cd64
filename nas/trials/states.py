"""The states of trials: Optuna's, and that of a trial whose driver is gone."""

from __future__ import annotations

from optuna.trial import FrozenTrial, TrialState

INTERRUPTED = "INTERRUPTED"  # RUNNING in the database, while no driver runs the study

STATES = {
    "COMPLETE": "complete",
    "PRUNED": "stopped early",
    "FAIL": "failed",
    "RUNNING": "running",
    INTERRUPTED: "interrupted",
}
"""Each state in words."""


def state_of(trial: FrozenTrial, *, driven: bool) -> str:
    """The state of `trial`, a key of `STATES`; `driven` says whether a driver runs the study."""
    return INTERRUPTED if trial.state == TrialState.RUNNING and not driven else trial.state.name
