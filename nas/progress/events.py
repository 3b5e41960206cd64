"""What programs read of a long command: `--json` prints an event a line. docs/events.md explains each."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from typing import Any, Literal, TextIO, TypeAlias

from pydantic import BaseModel, ConfigDict

SCHEMA = 1  # raised when a field changes its meaning or is gone; there may be more of them at any time
Decision: TypeAlias = Literal["promoted", "stopped", "last"]
Level: TypeAlias = Literal["info", "warning"]
PROGRESS_SECONDS = 5.0  # between two events of the progress of one work or one trial


class Event(BaseModel):
    """Something that happened; `event` says what, and is the first key of its line."""

    model_config = ConfigDict(frozen=True)

    event: str


class Started(Event):
    """Trials are about to be trained: what is known of all of them."""

    event: Literal["started"] = "started"
    schema_version: int = SCHEMA
    study: str
    folder: str  # of the study
    distance: str  # what `fid` is called here, such as FID
    trials: int  # architectures in all
    trials_done: int  # by earlier runs of the same command
    replicates: int  # at most
    replicates_done: int
    rungs: list[int]  # images after which a trial is measured


class Message(Event):
    """A line for people."""

    event: Literal["message"] = "message"
    level: Level = "info"
    text: str
    trial: int | None = None  # that it is about, if it is about one


class Work(Event):
    """How far work is that is no trial: decoding images, making the teacher's, measuring."""

    event: Literal["work"] = "work"
    work: str
    done: int
    total: int


class TrialStarted(Event):
    """A worker has a trial to train."""

    event: Literal["trial_started"] = "trial_started"
    trial: int
    architecture: str
    seed: int
    baseline: bool
    replicate_of: int | None
    rungs_done: int  # by earlier runs of the same command


class TrialProgress(Event):
    """Where a running trial is."""

    event: Literal["trial_progress"] = "trial_progress"
    trial: int
    work: Literal["starting", "training", "measuring"]
    rung: int  # that it is on, from 1
    images: int
    total: int  # images of a training to the last rung
    images_per_second: float | None
    kd_weight: float | None
    loss: float | None  # of the student: all its terms, weighted
    seconds_left: float | None  # of training to the last rung


class Rung(Event):
    """A trial is measured at a rung."""

    event: Literal["rung"] = "rung"
    trial: int
    rung: int  # from 1
    images: int
    fid: float
    macs: int
    params: int
    kd_weight: float
    losses: dict[str, float]
    seconds: float  # of the rung, measuring included
    decision: Decision


class TrialFinished(Event):
    """A trial has ended."""

    event: Literal["trial_finished"] = "trial_finished"
    trial: int
    state: Literal["complete", "stopped early", "failed"]
    images: int | None = None  # that it has seen; None where it failed
    fid: float | None = None
    macs: int | None = None
    params: int | None = None
    reason: str = ""  # why it failed
    retried: bool = False  # its architecture is trained once more, and only that counts
    trials_done: int
    replicates_done: int


class Front(Event):
    """The front has changed. Its points have `trial`, `fid`, `macs`, `params`; the cheapest is first."""

    event: Literal["front"] = "front"
    front: list[dict[str, Any]]


EVENTS: tuple[type[Event], ...] = (
    Started, Message, Work, TrialStarted, TrialProgress, Rung, TrialFinished, Front,
)  # fmt: skip


class RunStarted(Event):
    """In the log of a study only: a run of the command begins."""

    event: Literal["run_started"] = "run_started"
    schema_version: int = SCHEMA
    since: str
    host: str
    seed: int
    versions: dict[str, str]  # of Python and of packages, by name


class RunEnded(Event):
    """In the log of a study only: a run ends. One that is killed does not write it."""

    event: Literal["run_ended"] = "run_ended"
    level: Literal["info", "error"] = "info"
    text: str = ""  # what ended it early


class EventLog:
    """Writes events as lines of JSON: `event` first, then `time`, the time of the day in UTC."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._lock = file, threading.Lock()
        self._works: dict[str, float] = {}  # when each was told of last

    def write(self, event: Event) -> None:
        """Write a line."""
        self.write_fields(**event.model_dump(mode="json"))

    def write_fields(self, event: str, **fields: Any) -> None:
        """Write a line with these fields."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"event": event, "time": now} | fields)
        with self._lock:  # the display's thread has events, too
            self._file.write(line + "\n")
            self._file.flush()

    def work(self, what: str, done: int, total: int) -> None:
        """Write how far a work is, unless that was written a moment ago."""
        now = time.monotonic()
        if done >= total or now - self._works.get(what, -PROGRESS_SECONDS) >= PROGRESS_SECONDS:
            self._works[what] = now
            self.write(Work(work=what, done=done, total=total))
