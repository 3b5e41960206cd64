"""Processes of a test: a port for one, waiting for one, and what others see of them."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def free_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(happened: Callable[[], object], what: str, seconds: float, *running: subprocess.Popen[str]) -> None:
    """Wait for `what`, for so many seconds, while all of `running` run."""
    deadline = time.monotonic() + seconds
    while not happened():
        for process in running:
            assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.2)


def command_lines(pids: list[int]) -> str:
    """What `ps` shows of these processes; nothing of those that have ended."""
    lines = []
    for pid in pids:
        with suppress(OSError):
            lines.append(Path(f"/proc/{pid}/cmdline").read_text(errors="replace"))
    return "\n".join(lines)
