"""Long work on stderr: bars on a terminal, a line now and then in a log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Event, Thread

from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from distill.progress import OnProgress
from nas.progress.clock import duration, say
from nas.progress.live import LiveRegion
from nas.progress.speed import Speed
from nas.progress.terminal import is_live, works_of

LOG_SECONDS = 30  # between lines in a log file
SILENCE_SECONDS = 45  # without a line in a log file, until a heartbeat
BAR_WIDTH = 30
WAITING_WIDTH = 10  # beside a sentence that fits into 80 columns


class LogLines:
    """Prints lines where there is no terminal, but not too often: a log is neither flooded nor looks dead."""

    def __init__(self, console: Console, seconds: float, *, at_once: bool = False) -> None:
        """`seconds` pass between two lines, and before the first one unless it comes `at_once`."""
        self._console, self._seconds = console, seconds
        self._said = -seconds if at_once else time.monotonic()

    def say(self, line: str) -> None:
        """Print `line`, if it is time."""
        if not self._console.is_interactive and self.silence > self._seconds:
            self._said = time.monotonic()
            say(self._console, line, is_message=False)

    @property
    def silence(self) -> float:
        """Seconds since the last line."""
        return time.monotonic() - self._said


class WorkSpeeds:
    """How fast pieces of work are done so far, and how long they will still take."""

    def __init__(self) -> None:
        self._speeds: dict[str, Speed] = {}  # by work, from its first report on

    def __call__(self, work: str, done: int, total: int) -> str:
        """ "Decoding images: 200 of 1,000, 20/s, 0:40 left", as far as it is known yet."""
        now = time.monotonic()
        speed = self._speeds.setdefault(work, Speed(now, done))
        seconds = speed.left(now, done, total - done)
        line = f"{work}: {done:,} of {total:,}"
        if seconds is None:
            return line
        return f"{line}, {speed.per_second(now, done):,.3g}/s, {duration(seconds)} left"


def bar_row(line: str, done: float = 0, total: float | None = None, width: int = BAR_WIDTH) -> Table:
    """A bar, and beside it `line`, cut where it is too long; without a `total` the bar only moves."""
    row = Table.grid(padding=(0, 1))
    bar = ProgressBar(total=total and max(1, total), completed=done, width=width, pulse=total is None)
    row.add_row(bar, Text(line, overflow="ellipsis", no_wrap=True))
    return row


@contextmanager
def progress_bars(console: Console, what: str = "") -> Iterator[OnProgress]:
    """A bar for every piece of work whose progress is reported; all are gone when the block ends.

    Until the first report a bar without an end shows `what`. Without a terminal, `what` is a line, and so is
    the progress of the work from time to time, at least once a minute.
    """
    if not is_live(console):
        with _logged(console, what) as logged:
            yield logged
        return
    works: dict[str, tuple[int, int]] = {}
    speeds, told = WorkSpeeds(), works_of(console)

    def on_progress(work: str, done: int, total: int) -> None:
        if work not in works:  # the last report of an earlier one may have been missed
            works.update({name: (whole, whole) for name, (_, whole) in works.items()})
        works[work] = done, total
        told(work, done, total)

    def render() -> Group:
        if not works:
            return Group(*([bar_row(f"{what} …", width=WAITING_WIDTH)] if what else []))
        return Group(*_rows(list(works.items()), speeds))

    with LiveRegion(console, render):
        yield on_progress


def _rows(works: Iterable[tuple[str, tuple[int, int]]], speeds: WorkSpeeds) -> Iterator[Table]:
    for work, (done, total) in works:
        yield bar_row(speeds(work, done, total), done, total)


@contextmanager
def _logged(console: Console, what: str) -> Iterator[OnProgress]:
    """`progress_bars` of a log file."""
    if what:
        say(console, f"{what} …")
    log, line, began = LogLines(console, LOG_SECONDS), WorkSpeeds(), time.monotonic()
    last, told = what or "Preparing", works_of(console)

    def on_progress(work: str, done: int, total: int) -> None:
        nonlocal last
        last = f"{work}: {done:,} of {total:,}"
        log.say(line(work, done, total))
        told(work, done, total)

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
    """Show that `what` is done while the block runs: a bar without an end, in a log file a line a minute."""
    return progress_bars(console, what)
