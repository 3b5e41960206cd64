"""What a person sees on stderr during long work: bars on a terminal, a line now and then in a log file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from distill.progress import OnProgress
from distill.teachers import Snapshot
from distill.training import Progress as Step
from nas.budget import format_quantity

LOG_SECONDS = 30  # between lines in a log file
TRAINING_LOG_SECONDS = 60  # the same, while a teacher trains
WAITING = "waiting for the first step"


def clock_time() -> str:
    """The time now, as lines of a log file begin with it: 2025-03-01 14:05:09."""
    return f"{datetime.now():%Y-%m-%d %H:%M:%S}"


def duration(seconds: float) -> str:
    """ "1:02:03", and "2:03" below an hour."""
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours}:{minutes:02d}:{int(seconds) % 60:02d}" if hours else f"{minutes}:{int(seconds) % 60:02d}"


class LogLines:
    """Prints lines where there is no terminal, but not too often: a log is neither flooded nor looks dead."""

    def __init__(self, console: Console, seconds: float, *, at_once: bool = False) -> None:
        """`seconds` pass between two lines, and before the first one unless it comes `at_once`."""
        self._console, self._seconds = console, seconds
        self._said = -seconds if at_once else time.monotonic()

    def say(self, line: str) -> None:
        """Print `line`, if it is time."""
        if not self._console.is_terminal and time.monotonic() - self._said > self._seconds:
            self._said = time.monotonic()
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class TimeLeft:
    """How long pieces of work will still take, from their speed so far; terminals show it beside each bar."""

    def __init__(self) -> None:
        self._began: dict[
            str, tuple[float, int]
        ] = {}  # by work: when its first report came, and what was done

    def __call__(self, work: str, done: int, total: int) -> str:
        """ ", 0:12:30 left", or nothing where the speed is not known yet."""
        began, first = self._began.setdefault(work, (time.monotonic(), done))
        if done <= first:
            return ""
        seconds = (time.monotonic() - began) * (total - done) / (done - first)
        return f", {timedelta(seconds=round(seconds))} left"


@contextmanager
def progress_bars(console: Console, what: str = "") -> Iterator[OnProgress]:
    """A bar for every piece of work whose progress is reported; all are gone when the block ends.

    Until the first report a bar without an end shows `what`. Without a terminal, `what` is a line, and so is
    the progress of the work from time to time.
    """
    if not console.is_terminal:
        if what:
            _say(console, f"{what} …")
        log = LogLines(console, LOG_SECONDS)
        left = TimeLeft()
        yield lambda work, done, total: log.say(f"{work}: {done:,} of {total:,}{left(work, done, total)}")
        return
    with Progress(console=console, transient=True) as bars:
        waited = bars.add_task(what, total=None, visible=bool(what))
        shown: dict[str, TaskID] = {}

        def on_progress(work: str, done: int, total: int) -> None:
            if work not in shown:
                bars.update(waited, visible=False)
                for earlier in shown.values():  # its last report may have been missed
                    bars.update(earlier, completed=bars.tasks[earlier].total)
                shown[work] = bars.add_task(work, total=total)
            bars.update(shown[work], completed=done, total=total)

        yield on_progress


def waiting(console: Console, what: str) -> AbstractContextManager[object]:
    """Show a spinner for `what` while the block runs; a line where there is no terminal."""
    if console.is_terminal:
        return console.status(what)
    _say(console, f"{what} …")
    return nullcontext()


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True)


class TeacherProgress:
    """A bar with images/s and the time left on a terminal; a line per snapshot anywhere."""

    def __init__(
        self, console: Console, images: int, about: Sequence[str] = (), distance: str = "FD"
    ) -> None:
        """`about` is printed once the training can begin, a line each; snapshots show their `distance`."""
        self.console, self.images, self._about, self._distance = console, images, about, distance
        self._ends = False
        self.training = False  # a step is done: there is something to keep
        self._log = LogLines(console, TRAINING_LOG_SECONDS, at_once=True)
        self._first, self._began = 0, time.monotonic()
        self._bar = Progress(
            BarColumn(30),
            TextColumn("{task.description}"),
            console=console,
            transient=True,
            refresh_per_second=2,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(WAITING, total=images)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def end(self) -> None:
        """Let the training end after the step that it is in."""
        self._ends = True

    def stop(self) -> bool:
        """Whether the training is to end after this step."""
        return self._ends

    def found(self, images: int) -> None:
        """The training resumes after `images` of earlier runs."""
        for line in self._about:
            self._print(line)
        if images >= self.images:
            self._print(f"trained for {images} images already: give a larger --images to continue")
        elif images:
            self._print(f"resuming after {images} images")

    def started(self, images: int) -> None:
        """The first step after `images` begins."""
        self._first, self._began = images, time.monotonic()
        self._bar.update(self._task, completed=images, description=WAITING)

    def stepped(self, step: Step) -> None:
        """A step is done."""
        self.training = True
        self._bar.update(self._task, completed=step.images, description=self._speed(step.images))
        self._log.say(self._speed(step.images))

    def waited(self, what: str, done: int, total: int) -> None:
        """Show progress of other work, `what`, that training waits for: `done` of `total` images."""
        self._bar.update(self._task, description=f"{what}: {done:,} of {total:,}")
        self._log.say(f"{what}: {done:,} of {total:,}")

    def measured(self, snapshot: Snapshot) -> None:
        """A snapshot is taken."""
        measured = f"  {self._distance} {snapshot.fid or 0:.2f} ({snapshot.fid_samples} samples)"
        fid = "" if snapshot.fid is None else measured
        augment = f"  p {snapshot.augment_p:.3f}" if snapshot.augment_p else ""
        self._print(f"{snapshot.images} images{fid}{augment}  {self._speed(snapshot.images)}")

    def _speed(self, images: int) -> str:
        per_second = (images - self._first) / max(time.monotonic() - self._began, 1e-9)
        left = (self.images - images) / per_second if per_second else 0.0
        hours, minutes = divmod(max(0, round(left)) // 60, 60)
        done = f"{format_quantity(images)}/{format_quantity(self.images)}"
        return f"{done}  {per_second:.1f} images/s  {hours}:{minutes:02d}:{max(0, round(left)) % 60:02d} left"

    def _print(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)
