"""Notices workers that stand still: to the driver a hung GPU or network file system looks like a stopped one.

A worker reports its progress through a file (`distill.progress.Reporter`). Ray sees that a process has ended;
that it does nothing shows only in a report that does not change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import ray
from ray import tune

from nas.execution.searcher import StudySearcher
from nas.execution.tune_config import from_tune

LEAST_SECONDS = 600.0  # without a limit of the user's
START_SECONDS = 1800.0  # until a worker's first report: networks are loaded, and compiled where asked for
LONGER = 5  # than the longest pause between two reports
LOOK_SECONDS = 2.0  # between two looks at the reports
LONGEST_LOOK = 30.0  # seconds that count between two looks: the driver may have waited for its database


@dataclass
class _Watched:
    """A worker's last report, and for how long it has been the last."""

    report: object
    quiet: float = 0.0  # seconds
    has_reported: bool = False  # else the report may be of an earlier worker
    starts: bool = False  # its process is not there yet, or loads its libraries


class Watchdog:
    """Tells which of the running trials have stood still for too long.

    Args:
        limit: seconds; 0 is none. With None it follows the longest pause after which any worker has gone on,
            so that slow steps and evaluations are not taken for hung ones. A process that starts has longer.
        report: the last report of a trial's worker, None without one; only whether it changes matters.
        clock: seconds, as of `time.monotonic`.
    """

    def __init__(
        self,
        limit: float | None,
        report: Callable[[int], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._given, self._report, self._clock = limit, report, clock
        self._watched: dict[int, _Watched] = {}
        self._longest = 0.0  # pause between two reports of one worker
        self._looked = clock()

    @property
    def is_due(self) -> bool:
        """Whether it is time to look again."""
        return self._given != 0 and self._clock() - self._looked >= LOOK_SECONDS

    def hung(self, running: Iterable[int], starting: Collection[int] = ()) -> dict[int, float]:
        """Seconds without progress of those of the `running` trials that are over the limit.

        The workers of the `starting` ones among them are processes that start.
        """
        now = self._clock()
        passed, self._looked = min(now - self._looked, LONGEST_LOOK), now
        before, self._watched = self._watched, {}
        for trial in running:
            report, known, starts = self._report(trial), before.get(trial), trial in starting
            if known is not None and known.starts == starts:
                self._watched[trial] = self._after(passed, report, known)
            else:
                self._watched[trial] = _Watched(report, starts=starts)
        over = {trial: each.quiet for trial, each in self._watched.items() if each.quiet > self._limit(each)}
        return over if self._given != 0 else {}

    def forget(self, trial: int) -> None:
        """Another worker takes the `trial` over."""
        self._watched.pop(trial, None)

    def _after(self, passed: float, report: object, known: _Watched) -> _Watched:
        if report != known.report:
            if known.has_reported:
                self._longest = max(self._longest, known.quiet + passed)
            return _Watched(report, has_reported=True)
        known.quiet += passed
        return known

    def _limit(self, watched: _Watched) -> float:
        if self._given is not None:
            return max(self._given, START_SECONDS) if watched.starts else self._given
        least = LEAST_SECONDS if watched.has_reported else START_SECONDS
        return max(least, LONGER * self._longest)


class HungWorkers(tune.Callback):  # type: ignore[misc]  # Ray Tune has no types
    """Kills workers that stand still, so that Tune gives their candidates to others.

    Args:
        watchdog, searcher: who notices them, and who records it.
        worker_of: the actor of a Tune trial, also one whose process starts; None without one.
    """

    def __init__(
        self, watchdog: Watchdog, searcher: StudySearcher, worker_of: Callable[[Any], Any | None]
    ) -> None:
        self._watchdog, self._searcher, self._worker_of = watchdog, searcher, worker_of

    def on_step_end(self, iteration: int, trials: Any, **_: Any) -> None:
        """Look at those that have a worker, every few seconds."""
        if not self._watchdog.is_due:
            return
        actors = ((trial, self._worker_of(trial)) for trial in trials if not trial.is_finished())
        live = {from_tune(trial.config).trial: (trial, actor) for trial, actor in actors if actor is not None}
        starting = [n for n, (trial, _) in live.items() if trial.temporary_state.ray_actor is None]
        for number, seconds in self._watchdog.hung(live, starting).items():
            trial, actor = live[number]
            self._watchdog.forget(number)
            if not self._searcher.on_trial_hung(trial.trial_id, seconds):
                trial.max_failures = 0  # Tune's: it fails now
            ray.kill(actor)
