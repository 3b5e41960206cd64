"""What a person sees on stderr while things are made that are made once: images, the bank, statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.console import Console
from rich.progress import Progress, TaskID

from distill.progress import OnProgress
from nas.execution.quiet import NowAndThen

QUIET_SECONDS = 30  # between lines in a log file


@contextmanager
def stages(console: Console, what: str = "") -> Iterator[OnProgress]:
    """A bar for every work that is told of; all are gone when the block ends.

    Until the first one appears it shows `what` is going on. Where there is no terminal `what` is a line, and
    so is how far a work is, now and then.
    """
    if not console.is_terminal:
        if what:
            _say(console, f"{what} …")
        log = NowAndThen(console, QUIET_SECONDS)
        yield lambda work, done, total: log.say(f"{work}: {done:,} of {total:,}")
        return
    with Progress(console=console, transient=True) as bars:
        waited = bars.add_task(what, total=None, visible=bool(what))
        shown: dict[str, TaskID] = {}

        def on_progress(work: str, done: int, total: int) -> None:
            if work not in shown:
                bars.update(waited, visible=False)
                for earlier in shown.values():  # its last message may have been missed
                    bars.update(earlier, completed=bars.tasks[earlier].total)
                shown[work] = bars.add_task(work, total=total)
            bars.update(shown[work], completed=done, total=total)

        yield on_progress


def waiting(console: Console, what: str) -> AbstractContextManager[object]:
    """A spinner while `what` goes on; a line where there is no terminal."""
    if console.is_terminal:
        return console.status(what)
    _say(console, f"{what} …")
    return nullcontext()


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True)
