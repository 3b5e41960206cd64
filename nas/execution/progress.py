"""What a person sees on stderr while a search runs, and what a program reads of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread
from types import TracebackType
from typing import Self

from optuna.trial import TrialState
from rich.console import Console, Group, RenderableType
from rich.text import Text

from distill.progress import Report
from nas.budget import format_quantity
from nas.execution.candidate import Outcome, end_of
from nas.execution.search_table import Course, FrontPoint, search_table
from nas.progress import (
    PROGRESS_SECONDS,
    Decision,
    Forecast,
    Front,
    Level,
    LiveRegion,
    Running,
    TrialProgress,
    TrialStarted,
    bar_row,
    duration,
    has_events,
    is_live,
    joined,
    say,
    tell,
)
from nas.ranking import front
from nas.trials import STATES, Proposal

ENDS = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
WIDEST = max(len(STATES[state.name]) for state in ENDS)
HEARTBEAT_SECONDS = 60  # without another line in a log file
ROWS = 12  # running trials in a line of a log file
DECISIONS = {"last": "last rung"}  # in a log file, where an event has another word


@dataclass
class SearchProgress:
    """Counts trials and shows them: tables on a terminal, a line for each that ends; lines in a log file.

    Trials are architectures; replicates, further trainings of them, are counted beside them.
    """

    console: Console
    trials: int  # architectures in all
    rungs: int
    distance: str  # that students are ranked by, such as FID
    images: int = 1  # of a training to the last rung
    replicates: int = 0  # at most
    done: int = 0  # trials before this run
    replicates_done: int = 0  # before this run
    counts: dict[TrialState, int] = field(default_factory=dict)  # of both
    best: tuple[int, float, int] | None = None  # trial, distance, MACs
    points: list[FrontPoint] = field(default_factory=list)  # complete before this run, without replicates
    trains: bool = True  # else candidates are read out of shared weights, and images/s mean nothing
    report: Callable[[int], Report | None] = lambda trial: None  # a running trial's last one

    def __post_init__(self) -> None:
        self._running: dict[int, Running] = {}
        self._before: dict[int, int] = {}  # rungs that earlier runs recorded, by trial
        self._began = self._said = time.monotonic()
        self._forecast = Forecast(self.images)
        self._seen = 0  # images that ended trials saw in this run
        self._over = Event()
        self._told: dict[int, TrialProgress] = {}  # the last event of each running trial
        self._front: list[FrontPoint] = []
        self._find_front(self.points)
        self._region = LiveRegion(self.console, self._render) if is_live(self.console) else None

    def __enter__(self) -> Self:
        if self._region is not None:
            self._region.__enter__()
        if self._region is None or has_events(self.console):
            Thread(target=self._heartbeats, name="heartbeat", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._region is not None:
            self._region.__exit__(kind, error, trace)

    def started(self, proposal: Proposal) -> None:
        """A worker starts a candidate."""
        before = proposal.rungs_before or 0
        self._running[proposal.trial] = _running(proposal)
        self._before[proposal.trial] = before
        tell(
            self.console,
            TrialStarted(
                trial=proposal.trial,
                architecture=str(proposal.architecture),
                seed=proposal.seed,
                baseline=proposal.baseline,
                replicate_of=proposal.replicate_of,
                rungs_done=before,
            ),
        )
        if proposal.rungs_before is not None:
            where = f"from rung {before}/{self.rungs}" if before else "from its start: it had no rung yet"
            self._say(proposal.trial, f"resumes {where}")

    def replaced(self, trial: int, gone: str, pause: float) -> None:
        """A candidate's worker is `gone`, in a word or more, and another one takes over after a `pause`."""
        line = f"its worker {gone}, another one resumes from its last checkpoint in {pause:g} s"
        self._say(trial, line, level="warning")

    def measured(self, trial: int, outcome: Outcome) -> None:
        """A candidate was promoted from a rung."""
        record = outcome.record
        self._at_rung(
            trial,
            outcome,
            "promoted",
            ", already measured by an earlier run" if record.rung < self._before.get(trial, 0) else "",
        )
        if trial in self._running:
            self._running[trial].at_rung(record.rung, record.images, record.fid)

    def finished(self, trial: int, state: TrialState, outcome: Outcome) -> None:
        """A candidate reached the last rung or was stopped."""
        self._at_rung(trial, outcome, "last" if state == TrialState.COMPLETE else "stopped")
        record, cost = outcome.record, outcome.cost
        if state == TrialState.COMPLETE and (self.best is None or record.fid < self.best[1]):
            self.best = (trial, record.fid, cost.macs)
        new: list[FrontPoint] = []
        measured, macs = f"{self.distance} {record.fid:.2f}", f"{format_quantity(cost.macs)} MACs"
        if self.console.is_interactive:
            parts = (f"{measured} at {macs}", f"{format_quantity(record.images)} images")
        else:
            parts = (f"{measured} after {record.images:,} images", macs)
        ended = self._running.get(trial)
        if state == TrialState.COMPLETE and not (ended and ended.is_replicate):
            what = ended.what if ended else ()
            new = [FrontPoint(trial, record.fid, cost.macs, cost.params, what)]
        self._end(trial, state, parts, outcome)
        self._find_front([*self._front, *new])

    def failed(self, trial: int, reason: str, again: bool = False) -> None:
        """A candidate has no result; with `again` its architecture is retried, and only the retry counts."""
        if again:
            ended = self._running.pop(trial, None)
            self._seen += ended.seen if ended else 0
            self._tell_end(trial, TrialState.FAIL, None, reason, is_retried=True)
            self._say(trial, f"{_named(TrialState.FAIL)}  {reason}", level="warning")
        else:
            self._end(trial, TrialState.FAIL, (reason,), None)

    def _at_rung(self, trial: int, outcome: Outcome, decision: Decision, note: str = "") -> None:
        """An event, and a line in a log file: what was measured at a rung, and what follows."""
        record, macs = outcome.record, format_quantity(outcome.cost.macs)
        if outcome.warning:
            self._say(trial, f"warning: {outcome.warning}", level="warning")
        tell(self.console, outcome.event(decision))
        measured = f"{self.distance} {record.fid:.2f} after {record.images:,} images, {macs} MACs"
        if not self.console.is_interactive:
            decided = DECISIONS.get(decision, decision)
            self._say(trial, f"rung {record.rung + 1}/{self.rungs}  {measured}: {decided}{note}")

    def _end(self, trial: int, state: TrialState, words: tuple[str, ...], outcome: Outcome | None) -> None:
        ended = self._running.pop(trial, None)
        if ended is not None and outcome is not None:
            ended.reported(outcome.record.images)
            if not ended.to_the_end:
                self._forecast.ended(outcome.record.images)
        self._seen += ended.seen if ended else 0
        if ended is not None and ended.is_replicate:
            self.replicates_done += 1
        else:
            self.done += 1
        self.counts[state] = self.counts.get(state, 0) + 1
        self._tell_end(trial, state, outcome, "" if outcome else words[0])
        level: Level = "warning" if state == TrialState.FAIL else "info"
        self._say(trial, f"{_named(state)}  {words[0]}", *words[1:], level=level)

    def _tell_end(
        self,
        trial: int,
        state: TrialState,
        outcome: Outcome | None,
        reason: str = "",
        *,
        is_retried: bool = False,
    ) -> None:
        self._told.pop(trial, None)
        counts = {
            "retried": is_retried,
            "trials_done": self.done,
            "replicates_done": self.replicates_done,
        }
        tell(self.console, end_of(trial, STATES[state.name], outcome, reason, **counts))

    def _find_front(self, points: list[FrontPoint]) -> None:
        """Note and tell the front of `points`: of the front before and what is new, or of all."""
        found = [points[index] for index in front([(each.macs, each.fid) for each in points])]
        if found != self._front:
            self._front = found
            tell(self.console, Front(front=[each.described() for each in found]))

    def _say(self, trial: int, *parts: str, level: Level = "info") -> None:
        """A line that stays: with the time elapsed on a terminal, with date and counts in a log file.

        On a terminal it has as many of the `parts` as fit.
        """
        first, *others = parts
        line = f"trial {trial:>3}  {first}"
        if self.console.is_interactive:
            line = joined([f"{self._elapsed:>7}  {line}", *others], self.console.width)
        else:
            line = f"[{self._counted}] {', '.join([line, *others])}"
        self._print(line, level, trial)

    def _print(self, line: str, level: Level = "info", trial: int | None = None) -> None:
        self._said = time.monotonic()
        say(self.console, line, level=level, is_message=level != "info", trial=trial)

    def _heartbeats(self) -> None:
        while not self._over.wait(PROGRESS_SECONDS):
            self.beat()

    def beat(self) -> None:
        """Events of what runs; and a line where a log file has had no other line for a minute."""
        running = self._read_all()
        for each in running:
            event = each.event()
            if self._told.get(each.trial) != event:
                self._told[each.trial] = event
                tell(self.console, event)
        if self._region is not None or time.monotonic() - self._said < HEARTBEAT_SECONDS:
            return
        states = (f"trial {each.trial} {', '.join(each.state(self.rungs))}" for each in running[:ROWS])
        more = f"; {len(running) - ROWS} more" if len(running) > ROWS else ""
        self._print(f"[{self._counted}] {self._times()}; running: {'; '.join(states) or 'none'}{more}")

    def _read_all(self) -> list[Running]:
        """What runs, by the last reports of the workers."""
        running = list(self._running.values())
        for each in running:
            if (found := self.report(each.trial)) is not None:
                each.reported(found.done, found.total, found.what, found.readings)
        return running

    @property
    def _elapsed(self) -> str:
        return duration(time.monotonic() - self._began)

    @property
    def _counted(self) -> str:
        """Finished trials of all, and replicates where there are any."""
        trials = f"{self.done}/{self.trials} trials"
        if not self.replicates_done and not any(each.is_replicate for each in list(self._running.values())):
            return trials
        return f"{trials}, {self.replicates_done} of at most {self.replicates} replicates"

    def _times(self) -> str:
        """Time elapsed and left, and the speed of all workers together."""
        now, running = time.monotonic(), list(self._running.values())
        seen = self._seen + sum(each.seen for each in running)
        fresh = max(0, self.trials - self.done - sum(not each.is_replicate for each in running))
        further = max(0, self.replicates - self.replicates_done - sum(each.is_replicate for each in running))
        ahead = sum(self._forecast.ahead(each.images, to_the_end=each.to_the_end) for each in running)
        to_come = fresh * self._forecast.expected + further * self.images
        left = self._forecast.left(now, seen, ahead + to_come)
        about = "time left not known yet" if left is None else f"about {duration(left)} left"
        speed = (
            f", {format_quantity(seen / max(1e-9, now - self._began))} images/s"
            if seen and self.trains
            else ""
        )
        return f"{self._elapsed} elapsed, {about}{speed}"

    def _render(self) -> Group:
        running = self._read_all()
        counts = ", ".join(f"{self.counts.get(state, 0)} {STATES[state.name]}" for state in ENDS)
        best = "no trial complete yet"
        if self.best is not None:
            macs = f"{format_quantity(self.best[2])} MACs"
            best = f"best {self.distance} {self.best[1]:.2f} at {macs} (trial {self.best[0]})"
        lines = (f"{counts}, {len(running)} running", self._times(), best)
        head: list[RenderableType] = [
            bar_row(self._counted, self.done, self.trials),
            *(_line(line) for line in lines),
        ]
        course = Course(self.rungs, self.images, self.distance)
        return search_table(self.console.size, head, running, self._front, course)


def _running(proposal: Proposal) -> Running:
    """A trial that a worker starts."""
    is_replicate = proposal.replicate_of is not None
    kind = ("baseline",) if proposal.baseline else ()
    kind = (f"seed of trial {proposal.replicate_of}",) if is_replicate else kind
    return Running(
        proposal.trial,
        (*kind, str(proposal.architecture)),
        resumed=bool(proposal.rungs_before),
        replicate_of=proposal.replicate_of,
        to_the_end=is_replicate or proposal.protected,
        rungs_done=proposal.rungs_before or 0,
    )


def _named(state: TrialState) -> str:
    """How a trial ended, as wide as every such word."""
    return STATES[state.name].ljust(WIDEST)


def _line(text: str) -> Text:
    return Text(text, overflow="ellipsis", no_wrap=True)
