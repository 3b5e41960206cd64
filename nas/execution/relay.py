"""Progress of a task on a worker, heard in the driver by way of a file.

They share the work folder anyway, and a queue of Ray's is a process of its own: two seconds of every search.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from distill.progress import OnProgress
from search_spaces.reading import written_whole

SECONDS = 0.2  # between two messages of a worker, but for those that say it is done
LISTENER = "progress of a worker"  # a thread


@contextmanager
def relayed(on_progress: OnProgress, file: Path) -> Iterator[OnProgress]:
    """What a worker may call so that `on_progress` is called here; `file` is for the two alone."""
    file.unlink(missing_ok=True)  # of a run that was killed
    ended = Event()
    listener = Thread(target=_listen, args=(file, on_progress, ended), name=LISTENER, daemon=True)
    listener.start()
    try:
        yield Teller(file)
    finally:
        ended.set()
        listener.join()
        file.unlink(missing_ok=True)


@dataclass
class Teller:
    """An `OnProgress` that travels to a worker and leaves in a file what it hears, not too often."""

    file: Path
    _last: float = field(default=-SECONDS, compare=False)

    def __call__(self, what: str, done: int, total: int) -> None:
        if done < total and time.monotonic() - self._last < SECONDS:
            return
        self._last = time.monotonic()
        with suppress(OSError), written_whole(self.file) as file:  # else a number on a screen is lost
            file.write(json.dumps([what, done, total]).encode())


def _listen(file: Path, on_progress: OnProgress, ended: Event) -> None:
    heard = ""
    while True:
        last = ended.wait(SECONDS)
        told = heard
        with suppress(OSError):
            told = file.read_text()
        if told != heard:
            heard = told
            on_progress(*json.loads(told))
        if last:
            return
