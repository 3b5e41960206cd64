"""Ray Tune's way to the study: Tune asks here for candidates and reports their results here."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from distill.evaluation import distance_name
from nas.errors import SearchError
from nas.execution.progress import SearchProgress
from nas.execution.recorder import StudyRecorder
from nas.execution.tune_config import to_tune
from nas.ranking import RungBoard
from nas.trials import Proposal, TrialSource


class StudySearcher(Searcher):  # type: ignore[misc]  # Ray Tune has no types
    """A Tune `Searcher` over `study.ask` and `study.tell`: proposals that fit, results into the study."""

    def __init__(
        self, source: TrialSource, recorder: StudyRecorder, board: RungBoard, progress: SearchProgress
    ) -> None:
        super().__init__()
        self._source, self._recorder, self._board, self._progress = source, recorder, board, progress
        self._proposals: dict[str, Proposal] = {}  # by Tune's trial id
        self._idle = False  # nothing needs training until a trial ends: Tune asks at its every step
        self.error: Exception | None = None  # the first one raised here: Tune logs some and continues
        self._interrupted = False

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """A candidate's config; FINISHED; or None while the next one depends on those that are running."""
        self._heed()
        if self._idle:
            return None
        with self._kept_error():
            proposal = None if self.error else self._source.next()
            if proposal is None:
                self._idle = not self.error and bool(self._proposals)
                return None if self._idle else str(Searcher.FINISHED)
        self._proposals[trial_id] = proposal
        self._progress.started(proposal)
        return to_tune(proposal)

    def on_trial_lost(self, trial_id: str) -> None:
        """The candidate's worker died; Tune gives it to another one, once."""
        if trial_id in self._proposals:
            self._progress.replaced(self._proposals[trial_id].trial)

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """A rung is done and the candidate is promoted."""
        self._heed()
        with self._kept_error():
            number = self._proposals[trial_id].trial
            self._recorder.record(number, result["outcome"])
            self._progress.measured(number, result["outcome"])

    def on_trial_complete(
        self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False
    ) -> None:
        """The candidate reached the last rung, was stopped, or failed."""
        with self._kept_error():
            if result is not None and "broken" in result:
                raise SearchError(f"a worker failed ({result['broken']}); run the same command again")
            self._idle = False
            proposal = self._proposals.pop(trial_id)
            number = proposal.trial
            if error or result is None:
                self._fail(proposal, "its worker died twice")
            elif "failed" in result:
                self._fail(proposal, str(result["failed"]), again=bool(result.get("diverged")))
            elif number in self._board.discarded:
                outcome = result["outcome"]
                self._recorder.record(number, outcome)
                reason = f"{distance_name(outcome.record.fid_extractor)} {outcome.record.fid:.4g}"
                self._fail(proposal, f"the run failed: {reason}", again=True)
            else:
                state = self._recorder.finish(number, result["outcome"])
                self._progress.finished(number, state, result["outcome"])

    @contextmanager
    def heeding_interrupts(self) -> Iterator[None]:
        """Ctrl-C within the block is raised here once more, should the first KeyboardInterrupt get lost.

        Python raises it wherever it happens to be. In a callback that a library makes from C, that library
        prints it and continues.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number: int, frame: FrameType | None) -> None:
            self._interrupted = True
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _heed(self) -> None:
        if self._interrupted:
            raise KeyboardInterrupt

    def _fail(self, proposal: Proposal, reason: str, *, again: bool = False) -> None:
        """Report that a run has no result; with `again`, retry its architecture once from another seed."""
        again = again and not proposal.retried
        if again:
            reason += f"; retried as trial {self._source.retry(proposal.trial)}"
        self._recorder.fail(proposal.trial, reason)
        self._progress.failed(proposal.trial, reason, again)

    @contextmanager
    def _kept_error(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # Tune logs some and continues: keep the first
            self.error = self.error or error
            raise

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its searcher to restore it, and a search is restored from the study."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study is what a search resumes from."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, see `save`."""


class LostWorkers(tune.Callback):  # type: ignore[misc]  # Ray Tune has no types
    """Tells the searcher of workers that died: Tune itself replaces them without a word."""

    def __init__(self, searcher: StudySearcher) -> None:
        self._searcher = searcher

    def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Tune's name for a candidate that it starts again."""
        self._searcher.on_trial_lost(trial.trial_id)
