"""A dashboard that runs beside a search, in a process of its own: it begins and ends with the search."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nas.dashboard.guard import VARIABLE, check_token
from nas.dashboard.server import unusable
from nas.printable import printable

HOST = "127.0.0.1"
START = "from nas.dashboard.child import run; run()"
END_SECONDS = 5.0  # after which a dashboard that does not end is killed


@contextmanager
def dashboard_process(
    port: int, workdir: Path, storage: str, say: Callable[[str], None]
) -> Iterator[Callable[[str], None]]:
    """A dashboard on loopback for the block, which gets a function to call with the study's name once
    the study can be read.

    The port is taken by this process, so that a busy one is known before anything starts, and handed on. The
    other process ends with this one, however this one ends: it reads a pipe that closes then. If it ends by
    itself, that is said in a line.

    Args:
        port: 0 takes a free one.
        workdir: folder of runs.
        storage: SQLAlchemy URL with its password; empty for the SQLite file in the study's folder.
        say: receives what a person should know, in a line.

    Raises:
        ConfigError: the port can't be used, or the token of NAS_DASHBOARD_TOKEN.
    """
    token = os.environ.get(VARIABLE, "")
    if token:
        check_token(token)
    try:
        listening = socket.create_server((HOST, port), backlog=32)
    except (OSError, OverflowError) as error:
        raise unusable(error, HOST, port, "--dashboard") from error
    with listening:
        address = f"http://{HOST}:{listening.getsockname()[1]}/"
        process = _started(listening, workdir, storage)
    ending = threading.Event()
    watch = threading.Thread(target=_watch, args=(process, ending, say), name="dashboard", daemon=True)
    watch.start()
    say(f"Dashboard: {address} (ends with the search{'; asks for the token' if token else ''})")
    try:
        yield lambda study: _send(process, study)
    finally:
        ending.set()
        _end(process)
        watch.join(timeout=END_SECONDS)


def _started(listening: socket.socket, workdir: Path, storage: str) -> subprocess.Popen[str]:
    """The other process. The storage URL goes through the pipe: everybody can read a command line."""
    root = str(Path(__file__).parents[2])  # a program started from a checkout finds its packages there
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    own = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", START],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[listening.fileno()],
        env=os.environ | own,
        text=True,
        errors="replace",
    )
    asked = {"socket": listening.fileno(), "workdir": str(workdir), "storage": storage}
    _send(process, asked)
    return process


def _send(process: subprocess.Popen[str], message: Any) -> None:
    assert process.stdin is not None
    with suppress(OSError, ValueError):  # it has ended, which `_watch` says
        process.stdin.write(f"{json.dumps(message)}\n")
        process.stdin.flush()


def _watch(process: subprocess.Popen[str], ending: threading.Event, say: Callable[[str], None]) -> None:
    """Wait for the process, and say if it ends before it should."""
    assert process.stderr is not None
    last: deque[str] = deque(maxlen=1)
    with suppress(ValueError):  # closed
        last.extend(line.strip() for line in process.stderr if line.strip())
    code = process.wait()
    if not ending.is_set():
        why = f": {printable(last[0])}" if last and code > 0 else f" with code {code}"
        say(f"Note: the dashboard ended{why}; the search goes on. nas-dashboard shows it in the browser")


def _end(process: subprocess.Popen[str]) -> None:
    """End the process: by its pipe, and by force if that takes too long or the user does not wait."""
    assert process.stdin is not None
    try:
        with suppress(OSError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
