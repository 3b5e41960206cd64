"""What a person sees on stderr while a search runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread
from types import TracebackType
from typing import Self

from optuna.trial import TrialState
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nas.budget import format_quantity
from nas.execution.candidate import Outcome
from nas.progress import Forecast, Parts, Running, duration, joined, say
from nas.trials import STATES, Proposal

ENDS = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
WIDEST = max(len(STATES[state.name]) for state in ENDS)
HEARTBEAT_SECONDS = 60  # without another line in a log file
ROWS = 12  # running trials shown on a terminal


@dataclass
class SearchProgress:
    """Counts trials and shows them: bars on a terminal, below a line per finished trial; lines in a log file.

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
    trains: bool = True  # else candidates are read out of shared weights, and images/s mean nothing
    report: Callable[[int], tuple[str, int, int] | None] = lambda trial: None  # a running trial's last one

    def __post_init__(self) -> None:
        self._running: dict[int, Running] = {}
        self._before: dict[int, int] = {}  # rungs that earlier runs recorded, by trial
        self._began = self._said = time.monotonic()
        self._forecast = Forecast(self.images)
        self._seen = 0  # images that ended trials saw in this run
        self._over = Event()
        self._live = Live(
            console=self.console, get_renderable=self._render, refresh_per_second=2, transient=True
        )

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        else:
            Thread(target=self._heartbeats, name="heartbeat", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self.console.is_terminal:
            self._live.stop()

    def started(self, proposal: Proposal) -> None:
        """A worker starts a candidate."""
        self._running[proposal.trial] = _running(proposal)
        self._before[proposal.trial] = proposal.rungs_before or 0
        if proposal.rungs_before is not None:
            rungs = proposal.rungs_before
            where = f"from rung {rungs}/{self.rungs}" if rungs else "from its start: it had no rung yet"
            self._say(proposal.trial, f"resumes {where}")

    def replaced(self, trial: int) -> None:
        """A candidate's worker was lost, and another one takes over."""
        self._say(trial, "its worker was lost, another one resumes from its last rung")

    def measured(self, trial: int, outcome: Outcome) -> None:
        """A candidate was promoted from a rung."""
        self._warn(trial, outcome)
        known = outcome.record.rung < self._before.get(trial, 0)
        self._log_rung(
            trial, outcome, "promoted, already measured by an earlier run" if known else "promoted"
        )
        if trial in self._running:
            self._running[trial].at_rung(
                outcome.record.images,
                f"rung {outcome.record.rung + 1}/{self.rungs}: {outcome.record.fid:.2f}",
            )

    def finished(self, trial: int, state: TrialState, outcome: Outcome) -> None:
        """A candidate reached the last rung or was stopped."""
        self._warn(trial, outcome)
        self._log_rung(trial, outcome, "last rung" if state == TrialState.COMPLETE else "stopped")
        record, cost = outcome.record, outcome.cost
        if state == TrialState.COMPLETE and (self.best is None or record.fid < self.best[1]):
            self.best = (trial, record.fid, cost.macs)
        measured, macs = f"{self.distance} {record.fid:.2f}", f"{format_quantity(cost.macs)} MACs"
        if self.console.is_terminal:
            parts = (f"{measured} at {macs}", f"{format_quantity(record.images)} images")
        else:
            parts = (f"{measured} after {record.images:,} images", macs)
        self._end(trial, state, parts, record.images)

    def failed(self, trial: int, reason: str, again: bool = False) -> None:
        """A candidate has no result; with `again` its architecture is retried, and only the retry counts."""
        if again:
            ended = self._running.pop(trial, None)
            self._seen += ended.seen if ended else 0
            self._say(trial, f"{_named(TrialState.FAIL)}  {reason}")
        else:
            self._end(trial, TrialState.FAIL, (reason,), None)

    def _warn(self, trial: int, outcome: Outcome) -> None:
        if outcome.warning:
            self._say(trial, f"warning: {outcome.warning}")

    def _log_rung(self, trial: int, outcome: Outcome, decision: str) -> None:
        """A line in a log file: what was measured at a rung, and what follows."""
        record, macs = outcome.record, format_quantity(outcome.cost.macs)
        measured = f"{self.distance} {record.fid:.2f} after {record.images:,} images, {macs} MACs"
        if not self.console.is_terminal:
            self._say(trial, f"rung {record.rung + 1}/{self.rungs}  {measured}: {decision}")

    def _end(self, trial: int, state: TrialState, outcome: tuple[str, ...], images: int | None) -> None:
        ended = self._running.pop(trial, None)
        if ended is not None and images is not None:
            ended.reported(images)
            if not ended.to_the_end:
                self._forecast.ended(images)
        self._seen += ended.seen if ended else 0
        if ended is not None and ended.is_replicate:
            self.replicates_done += 1
        else:
            self.done += 1
        self.counts[state] = self.counts.get(state, 0) + 1
        self._say(trial, f"{_named(state)}  {outcome[0]}", *outcome[1:])

    def _say(self, trial: int, *parts: str) -> None:
        """A line that stays: with the time elapsed on a terminal, with date and counts in a log file.

        On a terminal it has as many of the `parts` as fit.
        """
        first, *others = parts
        line = f"trial {trial:>3}  {first}"
        if self.console.is_terminal:
            self._print(joined([f"{self._elapsed:>7}  {line}", *others], self.console.width))
        else:
            self._print(f"[{self._counted}] {', '.join([line, *others])}")

    def _print(self, line: str) -> None:
        self._said = time.monotonic()
        say(self.console, line)

    def _heartbeats(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS / 4):
            self.beat()

    def beat(self) -> None:
        """A line on what runs, where a log file has had no other line for a minute."""
        if time.monotonic() - self._said < HEARTBEAT_SECONDS:
            return
        running = [self._read(each) for each in list(self._running.values())]
        shown = "; ".join(f"trial {each.trial} {', '.join(each.state)}" for each in running[:ROWS])
        more = f"; {len(running) - ROWS} more" if len(running) > ROWS else ""
        self._print(f"[{self._counted}] {self._times()}; running: {shown or 'none'}{more}")

    def _read(self, running: Running) -> Running:
        found = self.report(running.trial)
        if found is not None:
            running.reported(found[1], found[2], found[0])
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
        running = [self._read(each) for each in list(self._running.values())]
        counts = ", ".join(f"{self.counts.get(state, 0)} {STATES[state.name]}" for state in ENDS)
        best = "no trial complete yet"
        if self.best is not None:
            macs = f"{format_quantity(self.best[2])} MACs"
            best = f"best {self.distance} {self.best[1]:.2f} at {macs} (trial {self.best[0]})"
        head, rows = Table.grid(padding=(0, 1)), Table.grid(padding=(0, 1))
        head.add_row(ProgressBar(total=max(1, self.trials), completed=self.done, width=30), self._counted)
        for each in running[:ROWS]:
            rows.add_row(
                f"  ▸ trial {each.trial}",
                ProgressBar(total=each.total or self.images, completed=each.images, width=14),
                Parts(each.state),
            )
        more = [_line(f"    {len(running) - ROWS} more")] if len(running) > ROWS else []
        lines = (f"{counts}, {len(running)} running", self._times(), best)
        return Group(head, *(_line(line) for line in lines), rows, *more)


def _running(proposal: Proposal) -> Running:
    """A trial that a worker starts."""
    is_replicate = proposal.replicate_of is not None
    kind = ("baseline",) if proposal.baseline else ()
    kind = (f"seed of trial {proposal.replicate_of}",) if is_replicate else kind
    return Running(
        proposal.trial,
        (*kind, str(proposal.architecture)),
        resumed=bool(proposal.rungs_before),
        is_replicate=is_replicate,
        to_the_end=is_replicate or proposal.protected,
    )


def _named(state: TrialState) -> str:
    """How a trial ended, as wide as every such word."""
    return STATES[state.name].ljust(WIDEST)


def _line(text: str) -> Text:
    return Text(text, overflow="ellipsis", no_wrap=True)
