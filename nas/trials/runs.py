"""The study's trials as trainings of architectures: first runs, second tries, replicates, duplicates."""

from __future__ import annotations

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from nas.ranking import Measured

NOT_THE_FIRST = ("duplicate_of", "replicate_of", "retried_as")


def is_first_run(trial: FrozenTrial) -> bool:
    """Whether `trial` stands for its architecture: no duplicate, no replicate, no run that went wrong and was
    tried again."""
    return "architecture" in trial.user_attrs and not any(name in trial.user_attrs for name in NOT_THE_FIRST)


def is_run(trial: FrozenTrial) -> bool:
    """Whether `trial` is a training of its own, rather than a repeat that was never trained."""
    return "architecture" in trial.user_attrs and "duplicate_of" not in trial.user_attrs


def runs_of(trials: Sequence[FrozenTrial]) -> dict[str, list[FrozenTrial]]:
    """The trainings of every architecture, by its name, the first run's first; without those tried again."""
    found: dict[str, list[FrozenTrial]] = {}
    for trial in sorted(trials, key=lambda t: (not is_first_run(t), t.number)):
        if is_run(trial) and "retried_as" not in trial.user_attrs:
            found.setdefault(trial.user_attrs["architecture"], []).append(trial)
    return found


def measured_architectures(trials: Sequence[FrozenTrial]) -> list[Measured]:
    """Architectures whose first run, or its second try, was trained to the end; FIDs of all such runs."""
    found = []
    for first, *further in runs_of(trials).values():
        if is_first_run(first) and first.state == TrialState.COMPLETE:
            complete = [first, *(t for t in further if t.state == TrialState.COMPLETE)]
            selected = not first.user_attrs.get("protected")  # trained however the first run turned out
            fids = tuple(t.values[0] for t in complete)
            found.append(Measured(first.number, int(first.values[1]), fids, selected))
    return sorted(found, key=lambda m: m.trial)
