"""What a person sees while a teacher trains."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from distill.teachers import Snapshot
from distill.training import Progress as Step
from nas.budget import format_quantity
from nas.progress.bars import LogLines
from nas.progress.clock import duration, say
from nas.progress.speed import Speed
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
        self._speed = Speed(time.monotonic(), 0)
        self._bar = Progress(
            BarColumn(30),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
            refresh_per_second=2,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(WAITING, total=images)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

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
        self._bar.update(self._task, completed=images, description=WAITING)

    def stepped(self, step: Step) -> None:
        """A step is done."""
        self.training = True
        self._bar.update(self._task, completed=step.images, description=self._state(step.images))
        self._log.say(self._state(step.images))

    def waited(self, what: str, done: int, total: int) -> None:
        """Show progress of other work, `what`, that training waits for: `done` of `total` images."""
        self._bar.update(self._task, description=f"{what}: {done:,} of {total:,}")
        self._log.say(f"{what}: {done:,} of {total:,}")

    def measured(self, snapshot: Snapshot) -> None:
        """A snapshot is taken."""
        fid = ""
        if snapshot.fid is not None:
            fid = f"  {self._distance} {snapshot.fid:.2f} ({snapshot.fid_samples} samples)"
        augment = f"  p {snapshot.augment_p:.3f}" if snapshot.augment_p else ""
        self._print(f"{snapshot.images} images{fid}{augment}  {self._state(snapshot.images)}")

    def _state(self, images: int) -> str:
        now = time.monotonic()
        per_second = self._speed.per_second(now, images)
        left = self._speed.left(now, images, self.images - images) or 0.0
        done = f"{format_quantity(images)}/{format_quantity(self.images)}"
        return f"{done}  {per_second:.1f} images/s  {duration(max(0.0, left))} left"

    def _print(self, line: str) -> None:
        say(self.console, line)
