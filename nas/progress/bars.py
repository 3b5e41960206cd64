"""Long work on stderr: bars on a terminal, a line now and then in a log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Event, Thread

from rich.console import Console
from rich.progress import Progress, TaskID

from distill.progress import OnProgress
from nas.progress.clock import duration, say
from nas.progress.speed import Speed

LOG_SECONDS = 30  # between lines in a log file
SILENCE_SECONDS = 45  # without a line in a log file, until a heartbeat


class LogLines:
    """Prints lines where there is no terminal, but not too often: a log is neither flooded nor looks dead."""

    def __init__(self, console: Console, seconds: float, *, at_once: bool = False) -> None:
        """`seconds` pass between two lines, and before the first one unless it comes `at_once`."""
        self._console, self._seconds = console, seconds
        self._said = -seconds if at_once else time.monotonic()

    def say(self, line: str) -> None:
        """Print `line`, if it is time."""
        if not self._console.is_terminal and self.silence > self._seconds:
            self._said = time.monotonic()
            say(self._console, line)

    @property
    def silence(self) -> float:
        """Seconds since the last line."""
        return time.monotonic() - self._said


class TimeLeft:
    """How long pieces of work will still take, from their speed so far; terminals show it beside each bar."""

    def __init__(self) -> None:
        self._speeds: dict[str, Speed] = {}  # by work, from its first report on

    def __call__(self, work: str, done: int, total: int) -> str:
        """ ", 12:30 left", or nothing where the speed is not known yet."""
        now = time.monotonic()
        seconds = self._speeds.setdefault(work, Speed(now, done)).left(now, done, total - done)
        return "" if seconds is None else f", {duration(seconds)} left"


@contextmanager
def progress_bars(console: Console, what: str = "") -> Iterator[OnProgress]:
    """A bar for every piece of work whose progress is reported; all are gone when the block ends.

    Until the first report a bar without an end shows `what`. Without a terminal, `what` is a line, and so is
    the progress of the work from time to time, at least once a minute.
    """
    if not console.is_terminal:
        with _logged(console, what) as on_progress:
            yield on_progress
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


@contextmanager
def _logged(console: Console, what: str) -> Iterator[OnProgress]:
    """`progress_bars` of a log file."""
    if what:
        say(console, f"{what} …")
    log, left, began = LogLines(console, LOG_SECONDS), TimeLeft(), time.monotonic()
    last = what or "Preparing"

    def on_progress(work: str, done: int, total: int) -> None:
        nonlocal last
        last = f"{work}: {done:,} of {total:,}"
        log.say(f"{last}{left(work, done, total)}")

    with _heartbeat(log, lambda: f"{last}; still at work, {duration(time.monotonic() - began)} elapsed"):
        yield on_progress


@contextmanager
def _heartbeat(log: LogLines, line: Callable[[], str]) -> Iterator[None]:
    """While the block runs, `line` is said at least once in a minute without another one."""
    over = Event()

    def beat() -> None:
        while not over.wait(SILENCE_SECONDS / 3):
            if log.silence >= SILENCE_SECONDS:
                log.say(line())

    thread = Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def waiting(console: Console, what: str) -> AbstractContextManager[object]:
    """Show a spinner for `what` while the block runs; without a terminal, a line a minute."""
    return console.status(what) if console.is_terminal else _logged(console, what)
