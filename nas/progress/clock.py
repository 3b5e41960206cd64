"""Times as people read them."""

from __future__ import annotations

from datetime import datetime


def clock_time() -> str:
    """The time now, as lines of a log file begin with it: 2025-03-01 14:05:09."""
    return f"{datetime.now():%Y-%m-%d %H:%M:%S}"


def duration(seconds: float) -> str:
    """ "1:02:03", and "2:03" below an hour."""
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours}:{minutes:02d}:{int(seconds) % 60:02d}" if hours else f"{minutes}:{int(seconds) % 60:02d}"
