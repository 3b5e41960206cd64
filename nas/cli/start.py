"""Before a command imports its libraries: Ctrl-C ends it in one line, and its user has a name and a home."""

from __future__ import annotations

import getpass
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

INTERRUPTED = 130


def end_quietly() -> None:
    """Let Ctrl-C and SIGTERM end the program at once, if this process is one of our commands.

    The handler raises nothing: libraries that are interrupted while they are imported make other errors of
    it. `Command.main` calls `raise_again`, as from then on there is something to clean up.
    """
    if not Path(sys.argv[0]).name.startswith("nas-"):
        return
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _end)


def raise_again() -> None:
    """Let Ctrl-C raise KeyboardInterrupt, where `end_quietly` has changed that."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: object) -> None:
    os.write(2, f"{Path(sys.argv[0]).name}: interrupted before it began\n".encode())
    os._exit(INTERRUPTED)


def have_identity() -> None:
    """Set HOME and LOGNAME where nothing else says them: Ray and PyTorch ask for both when imported."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = tempfile.gettempdir()
    try:
        getpass.getuser()
    except (KeyError, OSError):  # the second: since Python 3.13
        os.environ["LOGNAME"] = f"uid{os.getuid()}"
