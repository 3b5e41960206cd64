"""What a person sees while a teacher trains."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.table import Table

from distill.teachers import Snapshot
from distill.training import Progress as Step
from nas.budget import format_quantity
from nas.progress.bars import LogLines, WorkSpeeds, bar_row
from nas.progress.clock import duration, say
from nas.progress.live import LiveRegion
from nas.progress.speed import Speed
from nas.progress.terminal import is_live
from search_spaces import count_of

TRAINING_LOG_SECONDS = 60  # between lines in a log file
WAITING = "waiting for the first step"


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
        self._speed, self._works = Speed(time.monotonic(), 0), WorkSpeeds()
        self._seen, self._line = 0, WAITING
        self._region = LiveRegion(console, self._render) if is_live(console) else None

    def __enter__(self) -> Self:
        if self._region is not None:
            self._region.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._region is not None:
            self._region.__exit__(kind, error, trace)

    def _render(self) -> Table:
        return bar_row(self._line, self._seen, self.images)

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
            seen = count_of(images, "image")
            self._print(f"trained for {seen} already: give a larger --images to continue")
        elif images:
            self._print(f"resuming after {count_of(images, 'image')}")

    def started(self, images: int) -> None:
        """The first step after `images` begins."""
        self._speed = Speed(time.monotonic(), images)
        self._seen, self._line = images, WAITING

    def stepped(self, step: Step) -> None:
        """A step is done."""
        self.training = True
        self._seen, self._line = step.images, self._state(step.images)
        self._log.say(self._line)

    def waited(self, what: str, done: int, total: int) -> None:
        """Show progress of other work, `what`, that training waits for: `done` of `total` images."""
        self._line = self._works(what, done, total)
        self._log.say(self._line)

    def measured(self, snapshot: Snapshot) -> None:
        """A snapshot is taken."""
        fid = ""
        if snapshot.fid is not None:
            fid = f", {self._distance} {snapshot.fid:.2f} ({snapshot.fid_samples:,} samples)"
        augment = f", p {snapshot.augment_p:.3f}" if snapshot.augment_p else ""
        self._print(f"after {snapshot.images:,} images{fid}{augment}; {self._state(snapshot.images)}")

    def _state(self, images: int) -> str:
        now = time.monotonic()
        per_second = self._speed.per_second(now, images)
        left = self._speed.left(now, images, self.images - images) or 0.0
        done = f"{format_quantity(images)}/{format_quantity(self.images)} images"
        return f"{done}, {format_quantity(per_second)} images/s, {duration(max(0.0, left))} left"

    def _print(self, line: str) -> None:
        say(self.console, line)
