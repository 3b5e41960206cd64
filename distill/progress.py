"""Progress of long work, reported to a callback, also across processes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from torch import Tensor

from search_spaces.reading import written_whole


@dataclass(frozen=True)
class Report:
    """What a worker reports last of its work."""

    what: str  # the work's name
    done: int  # images
    total: int
    readings: Mapping[str, float] = field(default_factory=dict)  # further figures, by name


OnProgress = Callable[[str, int, int], None]  # the work's name, images done, images in all

RELAY_SECONDS = 0.2  # between two reports of a worker; the last report of a piece of work is never held back
LISTENER = "progress of a worker"  # a thread


def counted(
    batches: Iterable[Tensor], what: str, total: int, on_progress: OnProgress | None
) -> Iterator[Tensor]:
    """The same `batches` of images; after each, `on_progress` receives how many of `total` have passed."""
    done = 0
    for batch in batches:
        yield batch
        done += len(batch)
        if on_progress is not None:
            on_progress(what, done, total)


@contextmanager
def relayed(on_progress: OnProgress, file: Path) -> Iterator[Reporter]:
    """A callable to send to a worker; while the block runs, `on_progress` receives its reports here.

    Reports travel through `file`, in a folder that both processes can reach: a Ray queue would be another
    process, which costs every search two seconds.
    """
    file.unlink(missing_ok=True)  # left by a run that was killed
    ended = Event()
    listener = Thread(target=_listen, args=(file, on_progress, ended), name=LISTENER, daemon=True)
    listener.start()
    try:
        yield Reporter(file)
    finally:
        ended.set()
        listener.join()
        file.unlink(missing_ok=True)


@dataclass
class Reporter:
    """An `OnProgress` for a worker: writes to a file, at most every `seconds` of one piece of work."""

    file: Path
    seconds: float = RELAY_SECONDS
    _work: str = field(default="", compare=False)
    _last: float = field(default=0.0, compare=False)

    def __call__(self, what: str, done: int, total: int, **readings: float) -> None:
        """Report that so much of `what` is done, and further figures."""
        if what == self._work and done < total and time.monotonic() - self._last < self.seconds:
            return
        self._work, self._last = what, time.monotonic()
        self._write(json.dumps([what, done, total, readings]).encode())

    def clear(self) -> None:
        """Remove the last report."""
        self.file.unlink(missing_ok=True)

    def flush(self) -> None:
        """Return when everything that was reported can be read: at once, where it is written here."""

    def _write(self, report: bytes) -> None:
        # a lost report is only a number on a screen
        with suppress(OSError), written_whole(self.file, durable=False) as file:
            file.write(report)


def read_report(file: Path) -> Report | None:
    """The last report that a `Reporter` wrote to `file`; None where there is none that can be read."""
    try:
        what, done, total, *more = json.loads(file.read_text())
        readings = {str(name): float(value) for name, value in more[0].items()} if more else {}
        return Report(str(what), int(done), int(total), readings)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _listen(file: Path, on_progress: OnProgress, ended: Event) -> None:
    received = ""
    while True:
        last = ended.wait(RELAY_SECONDS)
        report = received
        with suppress(OSError):
            report = file.read_text()
        if report != received:
            received = report
            on_progress(*json.loads(report)[:3])
        if last:
            return
