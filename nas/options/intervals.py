"""Intervals between events, as users write them: 90s, 10min, 2h; 0 is never."""

from __future__ import annotations

import math
import re

SECONDS = {"s": 1, "min": 60, "h": 3600}
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)\s*([A-Za-z]*)")


def parse_interval(text: str) -> float:
    """ "90s", "10min" or "2h" in seconds; "0" is 0.

    Raises:
        ValueError: not a number, or an unknown unit or none.
    """
    match = _NUMBER.fullmatch(text.strip())
    number, unit = match.groups() if match else ("", "")
    if match and not unit and float(number) == 0:
        return 0.0
    if unit not in SECONDS:
        raise ValueError(f"{text!r} is not an interval: write a number with s, min or h, such as 10min")
    seconds = float(number) * SECONDS[unit]
    if not math.isfinite(seconds):
        raise ValueError(f"{text!r} is too long: write a shorter one, such as 10min")
    return seconds


def format_interval(seconds: float) -> str:
    """600 ─► "10min": in the largest unit that it has one of, three significant digits."""
    unit = next((unit for unit in ("h", "min") if seconds >= SECONDS[unit]), "s")
    return f"{seconds / SECONDS[unit]:.3g}{unit}" if seconds else "0"
