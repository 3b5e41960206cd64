"""Folders in which something is made before it is moved to its place, whole."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

ABANDONED_SECONDS = 3600  # without a byte written: whoever was at work there has died


def sweep(folder: Path) -> None:
    """Remove the scratch folders `.KEY-*` in `folder` that processes that were killed have left."""
    for scratch in folder.glob(".*-*"):
        with suppress(OSError, ValueError):
            newest = max(path.stat().st_mtime for path in (scratch, *scratch.rglob("*")))
            if time.time() - newest > ABANDONED_SECONDS:
                shutil.rmtree(scratch, ignore_errors=True)
