"""Workers as processes, which end, stand still and are replaced, and a raylet: what Ray is to a driver."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray import tune
from ray.exceptions import ActorDiedError
from rich.console import Console

from nas import ray_start
from nas.config import SearchConfig
from nas.driver import tuning
from nas.execution import HungWorkers, StudySearcher, WorkerResources, watchdog
from nas.workbench import Workbench
from tests.nas.faults.stub_search import TuneTrial, one_by_one, run_stub_search, stub_cluster


class ForkedWorker:
    """A trainable in a process of its own. It outlives a driver that is killed, until its rung is done."""

    def __init__(
        self, kind: type[tune.Trainable], config: dict[str, Any], settings: dict[str, Any], token: str
    ) -> None:
        self._pipe, theirs = multiprocessing.Pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                self._pipe.close()
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                _serve(theirs, kind, config, settings, token)
            finally:
                os._exit(0)
        theirs.close()

    def reset(self, config: dict[str, Any], tick: Callable[[], None]) -> None:
        """Train another candidate."""
        self._ask("reset_config", config, tick=tick)

    def step(self, tick: Callable[[], None]) -> dict[str, Any]:
        """Train a rung; `tick` is called while it does."""
        result: dict[str, Any] = self._ask("step", tick=tick)
        return result

    def _ask(self, name: str, *arguments: Any, tick: Callable[[], None]) -> Any:
        try:
            self._pipe.send((name, arguments))
            while not self._pipe.poll(0.02):
                tick()
            return self._pipe.recv()
        except (EOFError, OSError):
            os.waitpid(self.pid, 0)
            raise ActorDiedError from None


def _serve(pipe: Connection, kind: type[tune.Trainable], config: Any, settings: Any, token: str) -> None:
    worker = kind.__new__(kind)
    worker.setup(config, settings, token)
    while True:
        name, arguments = pipe.recv()  # EOFError once the driver is gone
        pipe.send(getattr(worker, name)(*arguments))


def _watching(config: SearchConfig, searcher: StudySearcher) -> Callable[[TuneTrial, Any], None]:
    """What Tune calls at its every step: the watchdog."""
    hung = HungWorkers(tuning._watchdog(config), searcher, lambda trial: trial.worker)

    def tick(trial: TuneTrial, worker: Any) -> None:
        trial.worker, trial.temporary_state = worker, SimpleNamespace(ray_actor=worker)
        hung.on_step_end(0, [trial])

    return tick


@contextmanager
def _raylet_cluster(config: SearchConfig, console: Console) -> Iterator[WorkerResources]:
    """A process called raylet, whose end is that of the driver."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "raylet"
        program.symlink_to("/bin/sleep")
        raylet = subprocess.Popen([program, "600"])
        try:
            with stub_cluster(config, console) as resources, ray_start._end_with_raylet():
                yield resources
        finally:
            raylet.kill()
            raylet.wait()


def run_with_processes(bench: Workbench, console: Console) -> None:
    """Run or resume the search of `bench` with a worker and a raylet that are processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watchdog, "LOOK_SECONDS", 0.1)
        patch.setattr(watchdog, "ray", SimpleNamespace(kill=lambda actor: os.kill(actor.pid, signal.SIGKILL)))
        run_stub_search(
            bench, console, _raylet_cluster, partial(one_by_one, make=ForkedWorker, watching=_watching)
        )


def children(pid: int) -> dict[int, str]:
    """Processes that the process `pid` has started, with the names of their programs; none once it ended."""
    found = {}
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return {}
    for child in map(int, listed):
        try:
            before, _, after = Path(f"/proc/{child}/stat").read_text().rpartition(")")
        except OSError:
            continue
        if after.split()[0] not in ("Z", "X"):
            found[child] = before.partition("(")[2]
    return found
