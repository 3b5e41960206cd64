"""Ray Tune's way to the study: it asks here for candidates and tells here how they ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from nas.errors import SearchError
from nas.progress import SearchProgress
from nas.proposals import Proposer
from nas.recorder import StudyRecorder


class StudySearcher(Searcher):  # type: ignore[misc]  # Ray Tune has no types
    """A Tune `Searcher` over `study.ask` and `study.tell`: proposals that fit, results into the study."""

    def __init__(self, proposer: Proposer, recorder: StudyRecorder, progress: SearchProgress) -> None:
        super().__init__()
        self._proposer, self._recorder, self._progress = proposer, recorder, progress
        self._numbers: dict[str, int] = {}  # Tune's trial id ─► number in the study
        self.error: Exception | None = None  # the first one met here: Tune logs some and goes on

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        """A candidate's config, or FINISHED."""
        with self._kept_error():
            proposal = None if self.error else self._proposer.next()
        if proposal is None:
            return str(Searcher.FINISHED)
        self._numbers[trial_id] = proposal.trial
        self._progress.started(proposal)
        return {
            "trial": proposal.trial,
            "architecture": proposal.architecture.to_json(),
            "start_rung": proposal.start_rung,
            "protected": proposal.baseline,
        }

    def on_trial_lost(self, trial_id: str) -> None:
        """The candidate's worker died; Tune gives it to another one, once."""
        if trial_id in self._numbers:
            self._progress.replaced(self._numbers[trial_id])

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """A rung is done and the candidate goes on."""
        with self._kept_error():
            number = self._numbers[trial_id]
            self._recorder.record(number, result["outcome"])
            self._progress.measured(number, result["outcome"])

    def on_trial_complete(
        self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False
    ) -> None:
        """The candidate reached the last rung, was stopped, or failed."""
        with self._kept_error():
            if result is not None and "broken" in result:
                raise SearchError(f"a worker can't go on ({result['broken']}); run the same command again")
            number = self._numbers.pop(trial_id)
            if error or result is None or "failed" in result:
                reason = "its worker died twice" if error or result is None else str(result["failed"])
                self._recorder.fail(number, reason)
                self._progress.failed(number, reason)
            else:
                state = self._recorder.finish(number, result["outcome"])
                self._progress.finished(number, state, result["outcome"])

    @contextmanager
    def _kept_error(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.error = self.error or error
            raise

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its searcher to restore it, and a search is restored from the study."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study is what a search resumes from."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, see `save`."""


class LostWorkers(tune.Callback):  # type: ignore[misc]
    """Tells the searcher of workers that died: Tune itself replaces them without a word."""

    def __init__(self, searcher: StudySearcher) -> None:
        self._searcher = searcher

    def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Tune's name for a candidate that it starts again."""
        self._searcher.on_trial_lost(trial.trial_id)
