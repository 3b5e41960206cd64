"""A page as people see it: in a real, headless browser."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NamedTuple

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--virtual-time-budget=20000",
]
ATTEMPTS, SECONDS = 3, 90
AFTERWARDS = 5.0  # seconds, in which a browser that has printed the document ends

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")


class Opened(NamedTuple):
    """A page in the browser."""

    document: str  # after its scripts have run
    log: str  # the browser's, with messages on the console where --enable-logging=stderr is given


def document(url: str, folder: Path, *flags: str) -> str:
    """The document at `url` after its scripts have run."""
    return opened(url, folder, *flags).document


def opened(url: str, folder: Path, *flags: str) -> Opened:
    """The page at `url`; profiles are kept in `folder`.

    Chromium may hang before or after it has printed the document, on a busy machine most of all: what it
    has printed whole is taken, and a page it has not printed is opened again with a new profile.
    """
    assert CHROMIUM is not None
    for attempt in range(ATTEMPTS):
        profile = folder / f"browser{attempt}"
        command = [CHROMIUM, *FLAGS, *flags, f"--user-data-dir={profile}", "--dump-dom", url]
        with TemporaryFile() as printed, TemporaryFile() as log:
            browser = subprocess.Popen(command, stdout=printed, stderr=log, start_new_session=True)
            _wait(browser, printed)
            found = Opened(_content(printed), _content(log))
        if _is_whole(found.document):
            return found
    pytest.fail(f"{url}: Chromium printed no whole document in {ATTEMPTS} attempts of {SECONDS} s")


def _wait(browser: subprocess.Popen[bytes], printed: IO[bytes]) -> None:
    """Wait until the browser has ended; end it where it does not, in time or after the document."""
    deadline = time.monotonic() + SECONDS
    while browser.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
        if _is_whole(_content(printed)):
            deadline = min(deadline, time.monotonic() + AFTERWARDS)
    if browser.poll() is None:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()


def _content(file: IO[bytes]) -> str:
    """What is in it; the place where the browser writes does not move."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")


def _is_whole(document: str) -> bool:
    return document.rstrip().endswith("</html>")
