"""Lines for log files: now and then, so that long work neither floods nor looks dead."""

from __future__ import annotations

import time

from rich.console import Console


class NowAndThen:
    """Prints where there is no terminal, and only where it was quiet for long."""

    def __init__(self, console: Console, seconds: float, *, at_once: bool = False) -> None:
        """`seconds` pass between two lines, and before the first one if that is not to come `at_once`."""
        self._console, self._seconds = console, seconds
        self._said = -seconds if at_once else time.monotonic()

    def say(self, line: str) -> None:
        """Print `line`, if it is time."""
        if not self._console.is_terminal and time.monotonic() - self._said > self._seconds:
            self._said = time.monotonic()
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
