"""What Ray needs of this machine, looked at before a study is made, and a start that fails in one line."""

from __future__ import annotations

import logging
import os
import resource
import select
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import ray

from distill.storage import owned, sweep
from nas.errors import ConfigError
from search_spaces import one_line, os_reason

LONGEST_FOLDER = 40  # bytes: a socket's path has at most 107, and Ray adds up to 66 to the folder
FEWEST_FILES = 256  # open at a time, of Ray's and ours
ENOUGH_FILES = 4096
FEWEST_PROCESSES = 256  # threads count as well, of all programs of the user
ENOUGH_PROCESSES = 4096
VARIABLE = "RAY_TMPDIR"
PREFIX = "ray-"
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # a folder of our own is made in it

NICENESS = "RAY_worker_niceness"  # Ray's own is 15: beside any other work such workers stand still

FAILED = 1  # exit code
WATCH_SECONDS = 0.5  # until the end of a search is noticed; that of the raylet is noticed at once
RAYLET_ENDED = (
    "Ray has ended on this machine (its raylet was killed, perhaps for memory): what was recorded is kept; "
    "run the same command again"
)

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}


def check_machine() -> None:
    """Check that Ray can be started on this machine.

    Raises:
        ConfigError: it has no folder with a short path, or too few files may be open.
    """
    _raise_limits()
    os.rmdir(_make_folder())


@contextmanager
def local_ray(**settings: Any) -> Iterator[None]:
    """Run Ray on this machine while the block runs, in a folder of its own with a short path.

    Workers have this process's priority, unless the environment says otherwise.

    Raises:
        ConfigError: it can't be started.
    """
    _raise_limits()
    os.environ.setdefault(NICENESS, "0")
    for place in _places():
        sweep(Path(place), f"{PREFIX}*", marked=True)  # of drivers that were killed
    folder = _make_folder()
    with ExitStack() as running:
        running.callback(shutil.rmtree, folder, ignore_errors=True)
        running.enter_context(owned(Path(folder)))
        running.callback(ray.shutdown)
        try:
            ray.init(address="local", _temp_dir=folder, **settings, **QUIET)
        except Exception as error:  # of the system, of processes that end, of Ray's own checks
            raise ConfigError(_why_not_started(error)) from error
        os.chmod(folder, stat.S_IRWXU)  # Ray opens it, and all in it, to everybody
        running.enter_context(_end_with_raylet())
        yield


@contextmanager
def _end_with_raylet() -> Iterator[None]:
    """End this process with a line should Ray's raylet end while the block runs.

    Ray itself ends it a second or two later, with a dump and from C++, where Python can't say a word. Ray's
    other processes end with this one; its folder is removed at the next start.
    """
    raylet = next((pid for pid, name in _children() if name == "raylet"), None)
    if raylet is None or not hasattr(os, "pidfd_open"):  # not Linux
        yield
        return
    over, watched = Event(), os.pidfd_open(raylet)

    def watch() -> None:
        while not over.is_set():
            ended, _, _ = select.select([watched], [], [], WATCH_SECONDS)
            if ended and not over.is_set():
                restored = "\x1b[?25h\r\x1b[J" if sys.stderr.isatty() else ""  # of a live display
                os.write(2, f"{restored}{Path(sys.argv[0]).name}: {RAYLET_ENDED}\n".encode())
                os._exit(FAILED)

    watching = Thread(target=watch, name="raylet", daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
        os.close(watched)


def _children() -> Iterator[tuple[int, str]]:
    """Processes that this one has started, with the names of their programs."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):  # it has ended
            before, _, after = (entry / "stat").read_text().rpartition(")")
            if int(after.split()[1]) == os.getpid():
                yield int(entry.name), before.partition("(")[2]


def _why_not_started(error: Exception) -> str:
    """Why Ray can't be started, in a line with what to change."""
    reason = os_reason(error) if isinstance(error, OSError) else str(error)
    file = os.fspath(error.filename) if isinstance(error, OSError) and error.filename else ""
    if isinstance(file, str) and file and Path(file).is_relative_to(Path.home()):
        return (
            f"Ray can't be started on this machine ({one_line(file)}: {reason}): Ray keeps files in your "
            "home folder, set HOME to a folder that you can write"
        )
    return (
        f"Ray can't be started on this machine ({_first_line(reason, error)}): check memory, open files "
        f"(ulimit -n) and processes (ulimit -u), or set {VARIABLE} to a folder with a short path on "
        "another disk"
    )


def _first_line(reason: str, error: Exception) -> str:
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    return one_line(lines[0] if lines else type(error).__name__, 160)


def _raise_limits() -> None:
    """Raise the limits of open files and of processes to what Ray takes, as far as this process may.

    Raises:
        ConfigError: that is too few.
    """
    _raise_limit(resource.RLIMIT_NOFILE, ENOUGH_FILES, FEWEST_FILES, "this process may open {} files", "-n")
    if os.geteuid():  # root has no limit of processes
        few = "this user may start {} processes and threads"
        _raise_limit(resource.RLIMIT_NPROC, ENOUGH_PROCESSES, FEWEST_PROCESSES, few, "-u")


def _raise_limit(limit: int, enough: int, fewest: int, too_few: str, flag: str) -> None:
    soft, hard = resource.getrlimit(limit)
    most = enough if hard == resource.RLIM_INFINITY else min(hard, enough)
    if 0 <= soft < most:
        resource.setrlimit(limit, (most, hard))
        soft = most
    if 0 <= soft < fewest:
        raise ConfigError(
            f"{too_few.format(soft)}, and Ray needs at least {fewest}: raise the limit, such as by ulimit "
            f"{flag} {enough}"
        )


def _places() -> tuple[str, ...]:
    """Where the folder may be, the first choice first."""
    asked = os.environ.get(VARIABLE)
    return (asked,) if asked else (tempfile.gettempdir(), *SHORT_FOLDERS)


def _make_folder() -> str:
    """A new folder with a short path: in RAY_TMPDIR, else where temporary files are, else in `/tmp`.

    Raises:
        ConfigError: there is none that can be written.
    """
    asked = os.environ.get(VARIABLE)
    if asked and len(os.fsencode(Path(asked).absolute())) > LONGEST_FOLDER:
        raise ConfigError(
            f"{VARIABLE}={asked}: Ray's sockets need a path of at most {LONGEST_FOLDER} characters: set it "
            "to a shorter one, or unset it"
        )
    reason = ""
    for place in _places():
        if len(os.fsencode(place)) > LONGEST_FOLDER:
            continue
        try:
            if asked:
                os.makedirs(place, exist_ok=True)
            return tempfile.mkdtemp(prefix=PREFIX, dir=os.path.abspath(place))
        except OSError as error:
            reason = f"{place}: {os_reason(error)}"
    if asked:
        raise ConfigError(
            f"{VARIABLE}={asked} can't be used ({reason}): set it to another folder, or unset it"
        )
    raise ConfigError(
        f"no folder for Ray's sockets can be written ({reason}): set {VARIABLE} to one with a path of at "
        f"most {LONGEST_FOLDER} characters"
    )
