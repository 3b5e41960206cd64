"""A home folder and a user's name where the system has none, as for a container's bare user number."""

from __future__ import annotations

import getpass
import os
import tempfile
from pathlib import Path


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
