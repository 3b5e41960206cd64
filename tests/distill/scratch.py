"""What a process that was killed leaves."""

from __future__ import annotations

import os
import time
from pathlib import Path

from distill.storage.scratch import ABANDONED_SECONDS


def abandoned(folder: Path, age: float = 2 * ABANDONED_SECONDS) -> Path:
    """A scratch folder in `folder` that nobody has written to for `age` seconds."""
    scratch = folder / f".0123-{age:.0f}"
    (scratch / "entry").mkdir(parents=True)
    (scratch / "entry" / "half").write_bytes(b"half")
    then = time.time() - age
    for path in (scratch / "entry" / "half", scratch / "entry", scratch):
        os.utime(path, (then, then))
    return scratch
