"""Progress of workers whose nodes do not see the driver's work folder: it travels through Ray.

An actor on the driver's node writes the report files that the driver, its watchdog and `nas-study status`
read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from distill.progress import Reporter
from search_spaces.reading import written_whole

ANSWER_SECONDS = 10.0  # for the actor: reports are only numbers on a screen, and a sign of life


class ReportWriter:
    """Writes reports of workers on the driver's node."""

    def __init__(self) -> None:
        self._made: set[Path] = set()  # folders of trials

    def write(self, file: str, report: bytes) -> None:
        """Write the last report of a worker; the first one of a trial makes its folder.

        A report of a trial whose folder has been removed since is lost.
        """
        path = Path(file)
        with suppress(OSError):
            if path.parent not in self._made:
                path.parent.parent.mkdir(exist_ok=True)  # trials/ of a new study
                path.parent.mkdir(exist_ok=True)
                self._made.add(path.parent)
            with written_whole(path, durable=False) as written:
                written.write(report)

    def flush(self, file: str) -> None:
        """Nothing: what its caller has asked for before is done by then."""

    def clear(self, file: str) -> None:
        """Remove the last report of a worker."""
        with suppress(OSError):
            Path(file).unlink(missing_ok=True)


@contextmanager
def reports_written(name: str) -> Iterator[None]:
    """Write reports of workers on this node while the block runs; `name` is unique in the cluster."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(ReportWriter).options(name=name, num_cpus=0, max_restarts=-1, scheduling_strategy=here)
    writer = actor.remote()
    try:
        yield
    finally:
        with suppress(RayError):
            ray.kill(writer)


@dataclass
class SentReporter(Reporter):
    """A `Reporter` whose file is on the driver's node: an actor writes it."""

    actor: str = ""  # its name
    _writer: Any = field(default=None, repr=False, compare=False)

    def clear(self) -> None:
        """Remove the last report; what was reported before is written by then."""
        self._ask("clear", wait=True)

    def flush(self) -> None:
        """Return when everything that was reported is written, and not after the driver has removed it."""
        self._ask("flush", wait=True)

    def _write(self, report: bytes) -> None:
        self._ask("write", report)

    def _ask(self, method: str, *arguments: Any, wait: bool = False) -> None:
        with suppress(RayError, ValueError):  # ValueError: there is no such actor any more
            if self._writer is None:
                self._writer = ray.get_actor(self.actor)
            answer = getattr(self._writer, method).remote(str(self.file), *arguments)
            if wait:
                ray.get(answer, timeout=ANSWER_SECONDS)

    def __getstate__(self) -> dict[str, Any]:
        """Without the actor's handle, which belongs to a process."""
        return vars(self) | {"_writer": None}
