"""What a person sees on stderr while a search runs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
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
from nas.trials import Proposal

LINES = 8  # finished trials shown
NAMES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "stopped", TrialState.FAIL: "failed"}


@dataclass
class SearchProgress:
    """Counts trials and draws them: live on a terminal; in a log a line per rung and per finished trial."""

    console: Console
    trials: int  # in all
    rungs: int
    distance: str  # that students are ranked by, such as FID
    done: int = 0  # before this run
    counts: dict[TrialState, int] = field(default_factory=dict)
    best: tuple[int, float, int] | None = None  # trial, distance, MACs

    def __post_init__(self) -> None:
        self._running: dict[int, str] = {}
        self._lines: list[str] = []
        self._began = time.monotonic()
        self._finished_here = 0
        self._live = Live(
            console=self.console, get_renderable=self._render, refresh_per_second=2, transient=True
        )

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()

    def started(self, proposal: Proposal) -> None:
        """A worker starts a candidate."""
        baseline = "baseline, " if proposal.baseline else ""
        resumed = f"from rung {proposal.start_rung}, " if proposal.start_rung else ""
        self._running[proposal.trial] = f"{baseline}{resumed}{proposal.architecture}"

    def replaced(self, trial: int) -> None:
        """A candidate's worker was lost, and another one takes over."""
        self._say(f"trial {trial:>3}  its worker was lost, another one resumes from its last rung")

    def measured(self, trial: int, outcome: Outcome) -> None:
        """A candidate was promoted from a rung."""
        self._warn(trial, outcome)
        self._log_rung(trial, outcome, "promoted")
        so_far = f"rung {outcome.record.rung + 1}/{self.rungs}, {self.distance} {outcome.record.fid:.2f}"
        self._running[trial] = f"{so_far}, {format_quantity(outcome.cost.macs)} MACs"

    def finished(self, trial: int, state: TrialState, outcome: Outcome) -> None:
        """A candidate reached the last rung or was stopped."""
        self._warn(trial, outcome)
        self._log_rung(trial, outcome, "last rung" if state == TrialState.COMPLETE else "stopped")
        record, cost = outcome.record, outcome.cost
        if state == TrialState.COMPLETE and (self.best is None or record.fid < self.best[1]):
            self.best = (trial, record.fid, cost.macs)
        costs = f"{format_quantity(cost.macs)} MACs, {format_quantity(cost.params)} parameters"
        self._end(trial, state, f"{self.distance} {record.fid:.2f} after {record.images} images, {costs}")

    def failed(self, trial: int, reason: str, again: bool = False) -> None:
        """A candidate has no result; with `again` its architecture is retried."""
        self.trials += again
        self._end(trial, TrialState.FAIL, reason)

    def _warn(self, trial: int, outcome: Outcome) -> None:
        if outcome.warning:
            self._say(f"trial {trial:>3}  warning: {outcome.warning}")

    def _log_rung(self, trial: int, outcome: Outcome, decision: str) -> None:
        """A line in a log file: what was measured at a rung, and what follows."""
        record, macs = outcome.record, format_quantity(outcome.cost.macs)
        measured = f"{self.distance} {record.fid:.2f} after {record.images} images, {macs} MACs"
        self._log(f"trial {trial:>3}  rung {record.rung + 1}/{self.rungs}  {measured}: {decision}")

    def _end(self, trial: int, state: TrialState, outcome: str) -> None:
        self._running.pop(trial, None)
        self._finished_here += 1
        self.counts[state] = self.counts.get(state, 0) + 1
        self._say(f"trial {trial:>3}  {NAMES[state]:<8}  {outcome}")

    def _say(self, line: str) -> None:
        self._lines.append(line)
        self._log(line)

    def _log(self, line: str) -> None:
        """A line where there is no terminal."""
        if not self.console.is_terminal:
            done = f"[{self.done + self._finished_here}/{self.trials}]"
            self.console.print(f"{done} {line}", highlight=False, markup=False, soft_wrap=True)

    def _left(self) -> str:
        """Time left, from the time that trials took so far."""
        if not self._finished_here:
            return "time left: waiting for the first trial"
        elapsed = time.monotonic() - self._began
        seconds = elapsed / self._finished_here * (self.trials - self.done - self._finished_here)
        return f"about {int(seconds // 60)}:{int(seconds % 60):02d} left"

    def _render(self) -> Group:
        done = self.done + self._finished_here
        counts = ", ".join(f"{self.counts.get(state, 0)} {name}" for state, name in NAMES.items())
        head = Table.grid(padding=(0, 2))
        head.add_row(
            ProgressBar(total=self.trials, completed=done, width=30),
            f"{done}/{self.trials} trials",
            self._left(),
        )
        best = "no trial complete yet"
        if self.best is not None:
            best = (
                f"best {self.distance} {self.best[1]:.2f} at {format_quantity(self.best[2])} MACs "
                f"(trial {self.best[0]})"
            )
        running = [
            Text(f"  ▸ trial {n}  {what}", overflow="ellipsis", no_wrap=True)
            for n, what in self._running.items()
        ]
        finished = [
            Text(f"    {line}", style="dim", overflow="ellipsis", no_wrap=True)
            for line in self._lines[-LINES:]
        ]
        return Group(head, Text(f"{counts}, {len(self._running)} running; {best}"), *finished, *running)
