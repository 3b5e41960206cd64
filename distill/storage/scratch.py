"""Scratch folders: files are made there, then moved to their place whole."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

ABANDONED_SECONDS = 3600  # without a write: the process that owned the folder is gone


def sweep(folder: Path) -> None:
    """Remove scratch folders `.KEY-*` in `folder` that killed processes have left."""
    for scratch in folder.glob(".*-*"):
        with suppress(OSError, ValueError):
            newest = max(path.stat().st_mtime for path in (scratch, *scratch.rglob("*")))
            if time.time() - newest > ABANDONED_SECONDS:
                shutil.rmtree(scratch, ignore_errors=True)
