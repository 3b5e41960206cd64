"""Times as people read them, and lines that may have one."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console

from nas.progress.events import Level, Message
from nas.progress.fitting import paragraph
from nas.progress.terminal import is_quiet, tell


def say(
    console: Console,
    line: str,
    *,
    dated: bool = True,
    level: Level = "info",
    is_message: bool = True,
    trial: int | None = None,
) -> None:
    """Print `line` as it is: on a terminal broken between words and indented, in a log file one line.

    There it has date and time before it, if it is `dated`: 2025-03-01 14:05:09. Programs that read events
    receive it, too, if it `is_message`: other lines are events of their own kinds there. `trial` is
    what it is about.
    """
    if is_message:
        tell(console, Message(level=level, text=line, trial=trial))
    if level == "info" and is_quiet(console):
        return
    if console.is_interactive:
        console.print(paragraph(console, line), highlight=False)
        return
    when = f"{datetime.now():%Y-%m-%d %H:%M:%S} " if dated else ""
    console.print(when + line, highlight=False, markup=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """ "1:02:03" (h:min:s), and "2:03" below an hour."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
