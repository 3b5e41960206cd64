"""Writes the results of candidates into the study: rungs first, then costs and samples, then the state."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from optuna.trial import Trial, TrialState

from distill.evaluation import distance_name
from nas.errors import StudyError
from nas.exchange import Receiver
from nas.execution.candidate import Outcome
from nas.study import StudyAttributes, StudyStore, attach_samples, interim_file, report_file
from nas.trials import TrialAttributes, count_lost_worker, fail_trial


class StudyRecorder:
    """The one writer of results. Everything else of a trial is written before its state is reported."""

    def __init__(self, store: StudyStore, folder: Path, rungs: int, receiver: Receiver | None = None) -> None:
        self._store, self._folder, self._rungs = store, folder, rungs
        self._receiver = receiver or Receiver()
        self._open: dict[int, Trial] = {}  # being trained; opening one anew would read it from the database

    def record(self, number: int, outcome: Outcome) -> None:
        """Keep one rung's result, once the study's folder has its files.

        Raises:
            StudyError: its distance was measured with other extractor weights than the study's.
            ExchangeError: its files can't be fetched.
        """
        measured_with, expected = outcome.record.fid_extractor_digest, self._expected
        if measured_with and expected and measured_with != expected:
            raise StudyError(
                f"worker {outcome.record.worker} measures {distance_name(outcome.record.fid_extractor)} with "
                f"weights {measured_with}, the study with {expected}: have the same file on all machines"
            )
        self.receive(number, outcome.files)
        self._store.check_lease()  # the picture is a file, written before the transaction can tell
        with self._store.together():
            self._store.record_rung(outcome.record)
            trial = self._trial(number, outcome)
            TrialAttributes(held_out=outcome.held_out, nearest=outcome.nearest).write(trial)
            attach_samples(trial, self._folder / outcome.samples, self._folder / "artifacts")

    def receive(self, number: int, files: Mapping[str, str]) -> None:
        """Have `files` of trial `number` in the study's folder: see `Receiver.receive`."""
        self._receiver.receive(number, files)

    def finish(self, number: int, outcome: Outcome) -> TrialState:
        """Report that trial `number` ended with `outcome`: complete, or stopped early."""
        is_last = outcome.record.rung == self._rungs - 1
        state = TrialState.COMPLETE if is_last else TrialState.PRUNED
        values = [outcome.record.fid, outcome.cost.macs] if is_last else None
        with self._store.together():
            self.record(number, outcome)
            self._store.study.tell(self._open.pop(number), values, state=state)
        self._clear(number)
        return state

    def lost_worker(self, number: int) -> None:
        """Note on trial `number` that a worker that trained it is gone."""
        count_lost_worker(self._store, number)

    def fail(self, number: int, reason: str, traceback: str | None = None) -> None:
        """Report that trial `number` has no result; where it broke by itself, the `traceback` says how."""
        self._open.pop(number, None)
        fail_trial(self._store, number, reason, traceback)
        self._clear(number)

    @cached_property
    def _expected(self) -> str:
        """The digest of the extractor's weights that the study's distances are measured with."""
        return StudyAttributes.from_study(self._store.study).extractor_digest

    def _clear(self, number: int) -> None:
        """Remove what an ended trial may have left of its training between two rungs."""
        for left in (interim_file(self._folder, number), report_file(self._folder, number)):
            left.unlink(missing_ok=True)
        self._receiver.discard(number)

    def _trial(self, number: int, outcome: Outcome) -> Trial:
        """The running trial `number`, its costs and its FID before the training written."""
        if number not in self._open:
            trial = self._store.trial(number)
            cost, before = outcome.cost, outcome.fid_before
            TrialAttributes(macs=cost.macs, params=cost.params, fid_before=before).write(trial)
            self._open[number] = trial
        return self._open[number]
