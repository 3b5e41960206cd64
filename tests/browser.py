"""A page as people see it: in a real, headless browser."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

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
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as browser:
            try:
                found = Opened(*browser.communicate(timeout=SECONDS))
            except subprocess.TimeoutExpired:
                os.killpg(browser.pid, signal.SIGKILL)
                found = Opened(*browser.communicate())
        if found.document.rstrip().endswith("</html>"):
            return found
    pytest.fail(f"{url}: Chromium printed no whole document in {ATTEMPTS} attempts of {SECONDS} s")
