"""How fast work is done, and how long the rest of it will take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Speed:
    """The speed of work since it began; what was done before does not count."""

    began: float  # seconds on a monotonic clock
    first: int  # images done before

    def per_second(self, now: float, done: int) -> float:
        """Images a second, with `done` images at the time `now`."""
        return (done - self.first) / max(now - self.began, 1e-9)

    def left(self, now: float, done: int, remaining: float) -> float | None:
        """Seconds that `remaining` images will take; None while the speed is not known."""
        if done <= self.first:
            return None
        return remaining * (now - self.began) / (done - self.first)
