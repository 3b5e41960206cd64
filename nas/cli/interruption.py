"""Ctrl-C while a command is still being imported: one line, as later, in place of a traceback."""

from __future__ import annotations

import os
import signal
import sys
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
