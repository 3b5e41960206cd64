"""Progress of a task on a Ray worker, heard in the driver."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from ray.exceptions import RayError
from ray.util.queue import Queue

from distill.progress import OnProgress

LISTENER = "progress of a worker"  # a thread
SECONDS = 0.2  # between two messages of a worker, but for those that say it is done


@contextmanager
def relayed(on_progress: OnProgress | None) -> Iterator[OnProgress | None]:
    """What a worker may call so that `on_progress` is called here; None where nobody listens."""
    if on_progress is None:
        yield None
        return
    told = Queue(actor_options={"num_cpus": 0})
    listener = Thread(target=_listen, args=(told, on_progress), name=LISTENER, daemon=True)
    listener.start()
    try:
        yield Teller(told)
    finally:
        with suppress(RayError):  # a cluster that is gone tells no more
            told.put(None)
        listener.join()
        with suppress(RayError):
            told.shutdown(force=True)


class Teller:
    """An `OnProgress` that travels to a worker and puts what it hears into a queue, not too often."""

    def __init__(self, told: Queue) -> None:
        self._told = told
        self._last = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        if done < total and time.monotonic() - self._last < SECONDS:
            return
        self._last = time.monotonic()
        self._told.put((what, done, total))


def _listen(told: Queue, on_progress: OnProgress) -> None:
    with suppress(RayError):
        while (message := told.get()) is not None:
            on_progress(*message)
