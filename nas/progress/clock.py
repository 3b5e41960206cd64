"""Times as people read them."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console


def stamped(console: Console, line: str) -> str:
    """`line`, in a log file with date and time before it: 2025-03-01 14:05:09."""
    return line if console.is_terminal else f"{datetime.now():%Y-%m-%d %H:%M:%S} {line}"


def duration(seconds: float) -> str:
    """ "1:02:03" (h:min:s), and "2:03" below an hour."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
