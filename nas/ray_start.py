"""What Ray needs of this machine, looked at before a study is made, and a start that fails in one line."""

from __future__ import annotations

import logging
import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import ray

from distill.storage import owned, sweep
from nas.errors import ConfigError
from search_spaces import one_line, os_reason

LONGEST_FOLDER = 40  # bytes: a socket's path has at most 107, and Ray adds up to 66 to the folder
FEWEST_FILES = 256  # open at a time, of Ray's and ours
ENOUGH_FILES = 4096
VARIABLE = "RAY_TMPDIR"
PREFIX = "ray-"
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # a folder of our own is made in it

NICENESS = "RAY_worker_niceness"  # Ray's own is 15: beside any other work such workers stand still

QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}


def check_machine() -> None:
    """Check that Ray can be started on this machine.

    Raises:
        ConfigError: it has no folder with a short path, or too few files may be open.
    """
    _raise_open_files()
    os.rmdir(_make_folder())


@contextmanager
def local_ray(**settings: Any) -> Iterator[None]:
    """Run Ray on this machine while the block runs, in a folder of its own with a short path.

    Workers have this process's priority, unless the environment says otherwise.

    Raises:
        ConfigError: it can't be started.
    """
    _raise_open_files()
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
            reason = os_reason(error) if isinstance(error, OSError) else str(error)
            raise ConfigError(
                f"Ray can't be started on this machine ({_first_line(reason, error)}): check memory, open "
                f"files (ulimit -n) and processes (ulimit -u), or set {VARIABLE} to a folder with a short "
                "path on another disk"
            ) from error
        yield


def _first_line(reason: str, error: Exception) -> str:
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    return one_line(lines[0] if lines else type(error).__name__, 160)


def _raise_open_files() -> None:
    """Raise the limit of open files to what Ray takes, as far as this process may.

    Raises:
        ConfigError: that is too few.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_FILES)
    if 0 <= soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    if 0 <= soft < FEWEST_FILES:
        raise ConfigError(
            f"this process may open {soft} files, and Ray needs at least {FEWEST_FILES}: raise the limit, "
            f"such as by ulimit -n {ENOUGH_FILES}"
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
