"""The study's trials as trainings of architectures, and what their results say of each architecture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from optuna.trial import FrozenTrial, TrialState

from nas.ranking import Measured
from nas.study import StudyStore
from nas.trials.attributes import TrialAttributes


def runs_of(trials: Iterable[FrozenTrial]) -> dict[str, list[FrozenTrial]]:
    """The trainings that count, by their architecture's canonical string; the first run comes first."""
    known = [(trial, TrialAttributes.from_trial(trial)) for trial in trials]
    found: dict[str, list[FrozenTrial]] = {}
    for trial, attributes in sorted(known, key=lambda one: (not one[1].is_first_run, one[0].number)):
        if attributes.counts:
            found.setdefault(attributes.architecture, []).append(trial)
    return found


def measured_architectures(trials: Sequence[FrozenTrial]) -> list[Measured]:
    """Architectures whose first run, or its retry, was trained to the end, with the FIDs of all such runs."""
    found = []
    for first, *further in runs_of(trials).values():
        attributes = TrialAttributes.from_trial(first)
        if attributes.is_first_run and first.state == TrialState.COMPLETE:
            complete = [first, *(t for t in further if t.state == TrialState.COMPLETE)]
            selected = not attributes.protected  # a protected run is trained to the end, good or bad
            fids = tuple(t.values[0] for t in complete)
            found.append(Measured(first.number, int(first.values[1]), fids, selected))
    return sorted(found, key=lambda m: m.trial)


def count_lost_worker(store: StudyStore, number: int) -> None:
    """Note on the RUNNING trial `number` that one more of its workers died or hung.

    Raises:
        StudyError: there is no such trial, it is finished, or the lease has been taken over.
    """
    store.check_lease()
    trial = store.trial(number)
    TrialAttributes(workers_lost=TrialAttributes.from_trial(trial).workers_lost + 1).write(trial)


def fail_trial(store: StudyStore, number: int, reason: str, traceback: str | None = None) -> None:
    """Report that the RUNNING trial `number` has no result, and why; `traceback` has its last lines.

    Raises:
        StudyError: there is no such trial, it is finished, or the lease has been taken over.
    """
    store.check_lease()
    trial = store.trial(number)
    with store.together():
        TrialAttributes(reason=reason, traceback=traceback).write(trial)
        store.study.tell(trial, state=TrialState.FAIL)
