"""Ray Tune's way to the study: Tune asks here for candidates and reports their results here."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from distill.evaluation import distance_name
from nas.errors import SearchError
from nas.exchange import ExchangeOutageError
from nas.execution.progress import SearchProgress
from nas.execution.recorder import StudyRecorder
from nas.execution.tune_config import to_tune
from nas.options import format_interval
from nas.ranking import RungBoard
from nas.trials import Proposal, TrialSource

MOST_LOST = 3  # workers of one candidate: it may be what breaks them
MOST_HUNG = 2  # of these, that stood still: each costs the time until it is noticed
DIED, HUNG = "died", "reported nothing for"  # how workers went


class StudySearcher(Searcher):  # type: ignore[misc]  # Ray Tune has no types
    """A Tune `Searcher` over `study.ask` and `study.tell`: proposals that fit, results into the study."""

    def __init__(
        self, source: TrialSource, recorder: StudyRecorder, board: RungBoard, progress: SearchProgress
    ) -> None:
        super().__init__()
        self._source, self._recorder, self._board, self._progress = source, recorder, board, progress
        self._proposals: dict[str, Proposal] = {}  # by Tune's trial id
        self._hung: dict[str, list[float]] = {}  # seconds that workers stood still
        self._lost: dict[str, list[str]] = {}  # how workers went
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

    def on_trial_lost(self, trial_id: str, reason: str = "") -> dict[str, Any] | None:
        """The candidate's worker died or was killed, and Tune gives it to another one.

        Args:
            trial_id: Tune's.
            reason: why the worker gave up, where it said so.

        Returns:
            The config for that one, which waits first: what took the worker may not be over. None for a trial
            that is not known.
        """
        if trial_id not in self._proposals:
            return None
        with self._kept_error():
            lost = self._note_lost(trial_id, f"gave up: {reason}" if reason else DIED)
            proposal = replace(self._proposals[trial_id], workers_lost=len(lost))
            self._proposals[trial_id] = proposal
            self._progress.replaced(proposal.trial, lost[-1], proposal.pause)
            return to_tune(proposal)

    def on_trial_hung(self, trial_id: str, seconds: float) -> bool:
        """The candidate's worker has stood still for `seconds` and is killed now; whether it is replaced."""
        self._hung.setdefault(trial_id, []).append(seconds)
        return len(self._hung[trial_id]) < MOST_HUNG

    def _note_lost(self, trial_id: str, how: str = DIED) -> list[str]:
        """Note that the candidate's worker is gone, in the study too; returns how each of them went."""
        lost, hung = self._lost.setdefault(trial_id, []), self._hung.get(trial_id, [])
        was_killed = len(hung) > sum(each.startswith(HUNG) for each in lost)
        lost.append(f"{HUNG} {format_interval(hung[-1])} and was killed" if was_killed else how)
        self._recorder.lost_worker(self._proposals[trial_id].trial)
        return lost

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
            lost = self._note_lost(trial_id) if error or result is None else []
            proposal = self._proposals.pop(trial_id)
            number = proposal.trial
            if error or result is None:
                self._fail(proposal, f"{len(lost)} workers were lost; the last one {lost[-1]}")
            elif "failed" in result:
                self._recorder.receive(number, result.get("files", {}))
                again, trace = bool(result.get("diverged")), result.get("traceback")
                self._fail(proposal, str(result["failed"]), again=again, traceback=trace)
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
        """Ctrl-C or SIGTERM in the block is raised once more, should the first KeyboardInterrupt get lost.

        Python raises it wherever it happens to be. In a callback that a library makes from C, that library
        prints it and continues.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number: int, frame: FrameType | None) -> None:
            self._interrupted = True
            raise KeyboardInterrupt

        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heed(self) -> None:
        if self._interrupted:
            raise KeyboardInterrupt

    def _fail(
        self, proposal: Proposal, reason: str, *, again: bool = False, traceback: str | None = None
    ) -> None:
        """Report that a run has no result; with `again`, retry its architecture once from another seed."""
        again = again and not proposal.retried
        if again:
            reason += f"; retried as trial {self._source.retry(proposal.trial)}"
        self._recorder.fail(proposal.trial, reason, traceback)
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


def _said_by_worker(trial: Any) -> str:
    """Why the last worker of a Tune trial gave up, in its own words; empty where it could not say so."""
    try:
        error = trial.get_pickled_error()
    except Exception:  # Tune keeps errors in files, and unpickles them
        return ""
    cause = getattr(error, "cause", error)
    return cause.what if isinstance(cause, ExchangeOutageError) else ""


class LostWorkers(tune.Callback):  # type: ignore[misc]  # Ray Tune has no types
    """Tells the searcher of workers that are gone: Tune itself replaces them at once, without a word."""

    def __init__(self, searcher: StudySearcher) -> None:
        self._searcher = searcher

    def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Tune's name for a candidate that it starts again."""
        config = self._searcher.on_trial_lost(trial.trial_id, _said_by_worker(trial))
        if config is not None:
            trial.set_config(config)
