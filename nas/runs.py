"""The study's trials as trainings of architectures: first runs, second tries, replicates, duplicates."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from nas.selection import Measured

NOT_THE_FIRST = ("duplicate_of", "replicate_of", "retried_as")


def is_first_run(trial: FrozenTrial) -> bool:
    """Whether `trial` stands for its architecture: no duplicate, no replicate, no run that went wrong and was
    tried again."""
    return "architecture" in trial.user_attrs and not any(name in trial.user_attrs for name in NOT_THE_FIRST)


def is_run(trial: FrozenTrial) -> bool:
    """Whether `trial` is a training of its own, rather than a repeat that was never trained."""
    return "architecture" in trial.user_attrs and "duplicate_of" not in trial.user_attrs


def replicates(trials: Sequence[FrozenTrial]) -> dict[int, list[FrozenTrial]]:
    """Further runs by the number of their architecture's first."""
    found: dict[int, list[FrozenTrial]] = {}
    for trial in trials:
        if "replicate_of" in trial.user_attrs:
            found.setdefault(trial.user_attrs["replicate_of"], []).append(trial)
    return found


def measured_architectures(trials: Sequence[FrozenTrial]) -> list[Measured]:
    """Architectures trained to the last rung, with the FIDs of all such runs, the first run's first."""
    further = replicates(trials)
    firsts = [t for t in trials if is_first_run(t) and t.state == TrialState.COMPLETE]
    return [
        Measured(
            first.number,
            int(first.values[1]),
            tuple(
                t.values[0] for t in (first, *further.get(first.number, ())) if t.state == TrialState.COMPLETE
            ),
        )
        for first in firsts
    ]
